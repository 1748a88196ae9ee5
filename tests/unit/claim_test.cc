// SPDX-License-Identifier: Apache-2.0
// Expectations of regions: which hold, and what is said, to the letter, of those that do not.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "tests/unit/expectation_text.h"

namespace portmatrix {
namespace {

using testing::HasSubstr;

std::string PolicyWith(const std::string& expectation, const std::string& more = "") {
  return fmt::format(R"(sets: {{partners: [198.51.100.0/24, "2001:db8:f0::/64"], empty: []}}
---
matrix: m
rules:
- {{id: sip, from: partners, to: access, protocol: tcp, ports: 5061}}
- {{id: no-web, from: 203.0.113.9, to: access, protocol: tcp, ports: 443, action: deny}}
- {{id: web, from: any, to: access, protocol: tcp, ports: 443}}
- {{id: ping, from: any, to: access, protocol: icmp, icmp_type: 8}}
- {{id: out, from: access, to: any, protocol: tcp, ports: [80, 443]}}
- {{id: later, from: any, to: access, protocol: tcp, ports: 8443, enabled: false}}
---
node: n
sets: {{access: [192.0.2.1, "2001:db8::1"]}}
failsafe: [{{from: 203.0.113.16/28, protocol: tcp, ports: 22}}]
interfaces:
  a: {{device: eth0, local: [access, 192.0.2.2], matrices: [m]{}}}
expect:
- {{interface: a, {}}}
)",
                     more, expectation);
}

std::string SaidOf(const std::string& expectation, const std::string& more = "") {
  return SaidOfExpectation(PolicyWith(expectation, more));
}

struct Row {
  const char* name;
  const char* expectation;
  const char* more = "";
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

constexpr Row kHolding[] = {
    {"AllOfASet",
     "from: partners, to: access, protocol: tcp, port: 5061, verdict: allow, rule: "
     "a/m/sip"},
    {"APrefixInIt",
     "from: 198.51.100.64/26, to: access, protocol: tcp, ports: 5061, verdict: allow"},
    {"NobodyElse",
     "from: any, to: access, protocol: tcp, port: 5061, except: {from: partners}, "
     "verdict: drop"},
    {"NothingButTheseServices",
     "from: any, to: access, protocol: any, except: [{protocol: tcp, ports: 443}, {protocol: tcp, "
     "port: 5061, from: partners}, {protocol: icmp, icmp_type: 8}, {protocol: tcp, port: 22, from: "
     "203.0.113.16/28}], verdict: drop"},
    {"NothingOutsideSomePorts",
     "from: any, to: access, protocol: tcp, except: {ports: [22, 443, 5061]}, verdict: drop"},
    {"NothingToTheOtherAddress", "from: any, to: 192.0.2.2, protocol: [udp, icmp], verdict: drop"},
    {"AnybodyIsWhoCanBeOutside",
     "from: any, to: access, protocol: tcp, ports: 443, except: {from: 203.0.113.9}, verdict: "
     "allow, rule: a/m/web"},
    {"ASetThatHoldsLocalAddresses",
     "from: 192.0.2.0/24, to: access, protocol: tcp, ports: 443, verdict: allow"},
    {"LocalSourcesDrop", "from: access, to: 192.0.2.2, protocol: any, verdict: drop"},
    {"OutToAnybody",
     "from: access, to: any, protocol: tcp, ports: 80, verdict: allow, rule: a/m/out"},
    {"OutAndInAtOnce", "from: any, to: any, protocol: udp, verdict: drop"},
    {"ADenyByItsRule",
     "from: [203.0.113.9], to: access, protocol: tcp, ports: 443, verdict: drop, "
     "rule: a/m/no-web"},
    {"AllTypesOfIcmp",
     "from: any, to: access, protocol: icmp, except: {icmp_type: 8}, verdict: drop"},
    {"SourcePorts",
     "from: partners, to: access, protocol: tcp, port: 443, source_ports: "
     "1024-65535, verdict: allow"},
    {"TheFailsafeLetsIn",
     "from: 203.0.113.16/28, to: 192.0.2.2, protocol: tcp, port: 22, verdict: allow"},
    {"AuditChangesNothing", "from: any, to: 192.0.2.2, protocol: udp, verdict: drop",
     ", mode: audit"},
    {"ADefaultThatPasses", "from: any, to: 192.0.2.2, protocol: udp, verdict: allow",
     ", default: pass"},
    {"TheDhcpExchangePasses",
     "from: any, to: 192.0.2.2, protocol: udp, port: 68, source_port: 67, except: {from: "
     "\"::/0\"}, verdict: allow",
     ", dhcp: client"},
};

class HoldingClaim : public testing::TestWithParam<Row> {};

TEST_P(HoldingClaim, SaysNothing) {
  EXPECT_EQ(SaidOf(GetParam().expectation, GetParam().more), "");
}

INSTANTIATE_TEST_SUITE_P(Regions, HoldingClaim, testing::ValuesIn(kHolding),
                         [](const auto& row) { return row.param.name; });

TEST(FailingClaim, ShowsAPacketAndTheRuleThatDecided) {
  EXPECT_EQ(
      SaidOf("from: any, to: access, protocol: tcp, except: {ports: [22, 5061]}, verdict: drop"),
      Unwrapped(R"(
p.yaml:18:3: error: expected drop for every packet, got allow by a/m/web (rule) for one [expectation-failed]
  - {interface: a, from: any, to: access, protocol: tcp, except: {ports: [22, 5061]}, verdict: drop}
    ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
  hint: the packet: tcp 198.51.100.7:49152 > 192.0.2.1:443, in
p.yaml:7:8: note: the rule that decided
  - {id: web, from: any, to: access, protocol: tcp, ports: 443}
         ^~~
)"));
}

TEST(FailingClaim, NamesTheRuleExpectedToo) {
  EXPECT_EQ(
      SaidOf("from: any, to: access, protocol: tcp, port: 443, verdict: allow, rule: a/m/web"),
      Unwrapped(R"(
p.yaml:18:3: error: expected allow by a/m/web for every packet, got drop by a/m/no-web (rule) for one [expectation-failed]
  - {interface: a, from: any, to: access, protocol: tcp, port: 443, verdict: allow, rule: a/m/web}
    ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
  hint: the packet: tcp 203.0.113.9:49152 > 192.0.2.1:443, in
p.yaml:6:8: note: the rule that decided
  - {id: no-web, from: 203.0.113.9, to: access, protocol: tcp, ports: 443, action: deny}
         ^~~~~~
p.yaml:7:8: note: the rule that was expected
  - {id: web, from: any, to: access, protocol: tcp, ports: 443}
         ^~~
)"));
}

struct Failing {
  const char* name;
  const char* expectation;
  const char* message;
  const char* hint;
};

void PrintTo(const Failing& row, std::ostream* out) { *out << row.name; }

constexpr Failing kFailing[] = {
    {"ThatOnlySomeOfAreAllowed",
     "from: 198.51.0.0/16, to: access, protocol: tcp, port: 5061, verdict: allow",
     "expected allow for every packet, got drop (default) for one [expectation-failed]",
     "hint: the packet: tcp 198.51.99.255:49152 > 192.0.2.1:5061, in\n"},
    {"OfTheOtherFamily",
     "from: any, to: access, protocol: tcp, port: 443, except: {from: 0.0.0.0/0}, verdict: drop",
     "expected drop for every packet, got allow by a/m/web (rule) for one [expectation-failed]",
     "hint: the packet: tcp [2001:db8:f0::7]:49152 > [2001:db8::1]:443, in\n"},
    {"OfTheFailsafe", "from: any, to: 192.0.2.2, protocol: tcp, verdict: drop",
     "expected drop for every packet, got allow (failsafe) for one [expectation-failed]",
     "hint: the packet: tcp 203.0.113.16:49152 > 192.0.2.2:22, in\n"},
    {"OfADisabledRule",
     "from: any, to: access, protocol: tcp, port: 8443, verdict: drop, rule: a/m/later",
     "expected drop by a/m/later for every packet, got drop (default) for one "
     "[expectation-failed]",
     "note: the rule that was expected is disabled\n"},
    {"GoingOut", "from: access, to: any, protocol: tcp, ports: 79-80, verdict: allow",
     "expected allow for every packet, got drop (default) for one [expectation-failed]",
     "hint: the packet: tcp 192.0.2.1:49152 > 192.0.2.0:79, out\n"},
    {"WithoutAPacketByItsExceptions",
     "from: any, to: access, protocol: tcp, except: {ports: 0-65535}, verdict: drop",
     "this expectation means no packet [empty-expectation]", "hint: look at"},
    {"WithoutAPacketByItsFamilies",
     "from: partners, to: 192.0.2.2, protocol: icmpv6, verdict: drop",
     "this expectation means no packet [empty-expectation]", "hint: look at"},
    {"OfAnEmptySet", "from: empty, to: access, protocol: tcp, verdict: drop",
     "this expectation means no packet [empty-expectation]", "hint: look at"},
    {"OfSourcesThatCannotBe",
     "from: [access, 127.0.0.0/8], to: access, protocol: tcp, port: 443, verdict: allow",
     "this expectation means no packet [empty-expectation]", "hint: look at"},
};

class FailingClaims : public testing::TestWithParam<Failing> {};

TEST_P(FailingClaims, AreTold) {
  const std::string said = SaidOf(GetParam().expectation);
  EXPECT_THAT(said, HasSubstr(std::string("p.yaml:18:3: error: ") + GetParam().message + "\n"));
  EXPECT_THAT(said, HasSubstr(GetParam().hint));
}

INSTANTIATE_TEST_SUITE_P(Regions, FailingClaims, testing::ValuesIn(kFailing),
                         [](const auto& row) { return row.param.name; });

std::string SaidBesideADynamicSet(const std::string& expectation) {
  ReadText read(fmt::format(R"(sets: {{live: {{dynamic: true, max: 10}}}}
---
matrix: m
rules:
- {{id: no, from: live, to: 192.0.2.1, protocol: any, action: deny}}
- {{id: web, from: any, to: 192.0.2.1, protocol: tcp, ports: 443}}
---
node: n
failsafe: none
interfaces:
  a: {{device: eth0, local: 192.0.2.1, matrices: [m]}}
expect:
- {{interface: a, {}}}
)",
                            expectation));
  if (!read.nodes.empty()) RunExpectations(read.policy, read.nodes.at(0), read.diagnostics);
  return read.said();
}

TEST(ClaimBesideADynamicSet, HoldsWhateverTheSetHolds) {
  EXPECT_EQ(SaidBesideADynamicSet(
                "from: any, to: 192.0.2.1, protocol: tcp, except: {ports: 443}, verdict: drop"),
            "");
}

TEST(ClaimBesideADynamicSet, IsUndecidedWhereTheSetDecides) {
  EXPECT_EQ(
      SaidBesideADynamicSet("from: any, to: 192.0.2.1, protocol: tcp, port: 443, verdict: allow"),
      Unwrapped(R"(
p.yaml:13:3: error: whether this holds depends on what a dynamic set holds [expectation-undecided]
  - {interface: a, from: any, to: 192.0.2.1, protocol: tcp, port: 443, verdict: allow}
    ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
  hint: the packet: tcp 198.51.100.7:49152 > 192.0.2.1:443, in; except what may be in the set, or make the set one of the policy
p.yaml:5:8: note: the rule that would decide it if the set says so
  - {id: no, from: live, to: 192.0.2.1, protocol: any, action: deny}
         ^~
)"));
}

TEST(ClaimBesideADynamicSet, FailsWhereItFailsWithAnEmptySet) {
  EXPECT_THAT(
      SaidBesideADynamicSet("from: any, to: 192.0.2.1, protocol: tcp, port: 443, verdict: drop"),
      HasSubstr("expected drop for every packet, got allow by a/m/web (rule) for one"));
}

TEST(ClaimBesideADynamicSet, MayNotNameIt) {
  EXPECT_EQ(
      SaidBesideADynamicSet("from: live, to: 192.0.2.1, protocol: tcp, port: 443, verdict: drop"),
      Unwrapped(R"(
p.yaml:13:24: error: an expectation names a dynamic set, whose entries come and go [misplaced-dynamic-set]
  - {interface: a, from: live, to: 192.0.2.1, protocol: tcp, port: 443, verdict: drop}
                         ^~~~
  hint: only `from` and `to` of rules may; name prefixes, or a set of prefixes
)"));
}

}  // namespace
}  // namespace portmatrix
