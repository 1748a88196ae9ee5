// SPDX-License-Identifier: Apache-2.0
// Expectations run: the packet that one means, and what is said when it does not hold.
#include "agent/policy/expect.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "tests/unit/expectation_text.h"

namespace portmatrix {
namespace {

using testing::HasSubstr;

std::string PolicyWith(const std::string& expectation, const std::string& mode = "enforce") {
  return fmt::format(R"(matrix: m
rules:
- {{id: web, from: any, to: 192.0.2.1, protocol: tcp, ports: 443}}
- {{id: no-dns, from: 198.51.100.9, to: 192.0.2.1, protocol: udp, ports: 53, action: deny}}
- {{id: dns, from: any, to: 192.0.2.1, protocol: udp, ports: 53}}
- {{id: from-dns, from: 192.0.2.1, to: any, protocol: udp, ports: 53, source_ports: 49152-49160}}
- {{id: ping, from: any, to: 192.0.2.1, protocol: icmp, icmp_type: 8}}
- {{id: ping6, from: any, to: "2001:db8::1", protocol: icmpv6, icmp_type: 128}}
- {{id: sctp, from: 192.0.2.1, to: any, protocol: sctp, ports: 36412}}
- {{id: gre, from: 192.0.2.1, to: any, protocol: 47}}
---
node: n
failsafe: [{{from: 198.51.100.0/28, protocol: tcp, ports: 22}}]
interfaces:
  a: {{device: eth0, local: [192.0.2.1, "2001:db8::1"], matrices: [m], mode: {}}}
expect:
- {{interface: a, {}}}
)",
                     mode, expectation);
}

struct Row {
  const char* name;
  const char* expectation;
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

constexpr Row kHolding[] = {
    {"AnAllowedOpening",
     "from: 198.51.100.7, to: 192.0.2.1, protocol: tcp, port: 443, verdict: allow, rule: a/m/web"},
    {"WithoutARuleNamed",
     "from: 198.51.100.7, to: 192.0.2.1, protocol: tcp, port: 443, verdict: allow"},
    {"TheDefault", "from: 198.51.100.7, to: 192.0.2.1, protocol: tcp, port: 444, verdict: drop"},
    {"ADenyByItsRule",
     "from: 198.51.100.9, to: 192.0.2.1, protocol: udp, port: 53, verdict: drop, rule: a/m/no-dns"},
    {"TheRuleBehindADeny",
     "from: 198.51.100.8, to: 192.0.2.1, protocol: udp, port: 53, verdict: allow, rule: a/m/dns"},
    {"TheFailsafe", "from: 198.51.100.1, to: 192.0.2.1, protocol: tcp, port: 22, verdict: allow"},
    {"ASpoofedSource", "from: 192.0.2.1, to: 192.0.2.1, protocol: tcp, port: 443, verdict: drop"},
    {"OutByItsSourcePort",
     "from: 192.0.2.1, to: 198.51.100.7, protocol: udp, port: 53, source_port: 49155, verdict: "
     "allow, rule: a/m/from-dns"},
    {"OutFromAnUnnamedPort",
     "from: 192.0.2.1, to: 198.51.100.7, protocol: udp, port: 53, verdict: drop"},
    {"AnswersDoNotCount",
     "from: 192.0.2.1, to: 198.51.100.7, protocol: udp, port: 4000, source_port: 53, verdict: "
     "drop"},
    {"AnEchoRequestWithoutAType",
     "from: 198.51.100.7, to: 192.0.2.1, protocol: icmp, verdict: allow, rule: a/m/ping"},
    {"AnEchoRequestOfIpv6",
     "from: '2001:db8:9::1', to: '2001:db8::1', protocol: icmpv6, verdict: allow, rule: a/m/ping6"},
    {"AnotherIcmpType",
     "from: 198.51.100.7, to: 192.0.2.1, protocol: icmp, icmp_type: 13, verdict: drop"},
    {"AnIcmpErrorAboutNothing",
     "from: 198.51.100.7, to: 192.0.2.1, protocol: icmp, icmp_type: 3, verdict: drop"},
    {"Sctp",
     "from: 192.0.2.1, to: 198.51.100.7, protocol: sctp, port: 36412, verdict: allow, rule: "
     "a/m/sctp"},
    {"AProtocolWithoutPorts",
     "from: 192.0.2.1, to: 198.51.100.7, protocol: 47, verdict: allow, rule: a/m/gre"},
    {"NoNeighbour",
     "from: '2001:db8:9::1', to: '2001:db8::1', protocol: icmpv6, icmp_type: 135, verdict: drop"},
};

class HoldingExpectation : public testing::TestWithParam<Row> {};

TEST_P(HoldingExpectation, SaysNothing) {
  EXPECT_EQ(SaidOfExpectation(PolicyWith(GetParam().expectation)), "");
}

TEST_P(HoldingExpectation, HoldsInAuditModeToo) {
  EXPECT_EQ(SaidOfExpectation(PolicyWith(GetParam().expectation, "audit")), "");
}

INSTANTIATE_TEST_SUITE_P(Packets, HoldingExpectation, testing::ValuesIn(kHolding),
                         [](const auto& row) { return row.param.name; });

TEST(FailingExpectation, TellsExpectedActualAndThePacket) {
  EXPECT_EQ(SaidOfExpectation(PolicyWith(
                "from: 198.51.100.7, to: 192.0.2.1, protocol: tcp, port: 444, verdict: allow")),
            Unwrapped(R"(
p.yaml:17:3: error: expected allow, got drop (default) [expectation-failed]
  - {interface: a, from: 198.51.100.7, to: 192.0.2.1, protocol: tcp, port: 444, verdict: allow}
    ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
  hint: the packet: tcp 198.51.100.7:49161 > 192.0.2.1:444, in
)"));
}

TEST(FailingExpectation, ShowsTheRuleThatDecidedAndTheOneExpected) {
  EXPECT_EQ(SaidOfExpectation(
                PolicyWith("from: 198.51.100.9, to: 192.0.2.1, protocol: udp, port: 53, verdict: "
                           "drop, rule: a/m/dns")),
            Unwrapped(R"(
p.yaml:17:3: error: expected drop by a/m/dns, got drop by a/m/no-dns (rule) [expectation-failed]
  - {interface: a, from: 198.51.100.9, to: 192.0.2.1, protocol: udp, port: 53, verdict: drop, rule: a/m/dns}
    ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
  hint: the packet: udp 198.51.100.9:49161 > 192.0.2.1:53, in
p.yaml:4:8: note: the rule that decided
  - {id: no-dns, from: 198.51.100.9, to: 192.0.2.1, protocol: udp, ports: 53, action: deny}
         ^~~~~~
p.yaml:5:8: note: the rule that was expected
  - {id: dns, from: any, to: 192.0.2.1, protocol: udp, ports: 53}
         ^~~
)"));
}

TEST(FailingExpectation, TellsWhyTheRuleExpectedDoesNotCount) {
  struct Case {
    const char* rule;
    const char* note;
  };
  const Case cases[] = {
      {"to: 192.0.2.1, enabled: false", "is disabled"},
      {"to: 192.0.2.1, expires: 2027-01-01T00:00:00Z", "has expired"},
      {"to: 192.0.2.9", "is inactive on this interface"},
  };
  for (const Case& each : cases) {
    const std::string said = SaidOfExpectation(fmt::format(R"(matrix: m
rules:
- {{id: r, from: any, protocol: tcp, ports: 80, {}}}
---
node: n
failsafe: none
interfaces:
  a: {{device: eth0, local: 192.0.2.1, matrices: [m]}}
  b: {{device: eth1, local: 192.0.2.9, matrices: [m]}}
expect:
- {{interface: a, from: 198.51.100.9, to: 192.0.2.1, protocol: tcp, port: 80, verdict: allow,
   rule: a/m/r}}
)",
                                                           each.rule));
    EXPECT_THAT(said, HasSubstr("error: expected allow by a/m/r, got drop (default)"));
    EXPECT_THAT(said, HasSubstr(fmt::format("p.yaml:3:8: note: the rule that was expected {}\n",
                                            each.note)));
  }
}

TEST(UnnamedPort, IsTheLowestThatNoRuleNames) {
  const auto port_with = [](const std::string& rules) {
    const ReadText read("matrix: m\nrules:\n" + rules +
                        "---\nnode: n\nfailsafe: [{from: any, protocol: tcp, ports: 49153}]\n"
                        "interfaces: {a: {device: e, local: 10.0.0.1, matrices: [m]}}\n");
    EXPECT_EQ(read.said(), "");
    return UnnamedPort(read.nodes.at(0));
  };
  const std::string rule = "- {id: r, from: any, to: 10.0.0.1, protocol: tcp, ";
  EXPECT_EQ(port_with(rule + "ports: 443}\n"), 49152);
  EXPECT_EQ(port_with(rule + "ports: 49152}\n"), 49154);
  EXPECT_EQ(port_with(rule + "source_ports: 40000-50000}\n"), 50001);
  EXPECT_EQ(port_with(rule + "source_ports: 49152-65535}\n"), 1024);
  EXPECT_EQ(port_with(rule + "source_ports: 0-65535}\n"), 49152);
}

}  // namespace
}  // namespace portmatrix
