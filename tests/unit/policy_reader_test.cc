// SPDX-License-Identifier: Apache-2.0
// A whole policy read: what each key becomes, and that one run reports every error.
#include <gmock/gmock.h>

#include "agent/policy/limits.h"
#include "agent/policy/reader.h"
#include "tests/unit/policy_text.h"

namespace portmatrix {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kEverything = R"(
matrix: external
description: Edge external interface
rules:
  - id: sip-tls-in
    from: any
    to: access
    protocol: tcp
    ports: [443, 50000-59999]
  - id: all-options
    from: [partners, 192.0.2.0/24]
    to: any
    protocol: [udp, tcp]
    ports: [10-20, 15-30, 31]
    source_ports: 53
    action: deny
    direction: both
    log: true
    enabled: false
    expires: 2027-01-31T00:00:00Z
    description: with everything
    ignore: [shadowed-rule: on purpose]
  - {id: "no", from: any, to: access, protocol: icmp, icmp_type: 3, icmp_code: 4}
  - {id: by-number, from: any, to: access, protocol: 47}
---
sets:
  partners: [198.51.100.0/24, "2001:db8:f00d::/48"]
---
node: edge1
sets: {access: [203.0.113.11, "2001:db8::11"], internal: 10.0.0.11}
failsafe:
  - {protocol: tcp, ports: 22, from: 192.0.2.0/28}
interfaces:
  external:
    device: [eth0, bond0.7]
    local: [access]
    matrices: [external]
    default: pass
    mode: audit
    xdp: any
    vlan: [100, 7]
    dhcp: client
    ethertypes: [arp, lldp, 0x88b5, 0]
    router_advertisements: drop
    shared_local: true
  internal: {device: eth1, local: [internal], matrices: []}
expect:
  - interface: external
    from: 198.51.100.7
    to: 203.0.113.11
    protocol: tcp
    port: 443
    source_port: 1234
    verdict: allow
    rule: external/external/sip-tls-in
)";

class EverythingRead : public testing::Test {
 protected:
  EverythingRead() : read_(kEverything) {}
  const WrittenRule& rule(size_t index) const {
    return read_.policy.matrices.at(0).rules.at(index);
  }
  const WrittenInterface& interface(size_t index) const {
    return read_.policy.nodes.at(0).interfaces.at(index);
  }
  const ReadText read_;
};

TEST_F(EverythingRead, SaysNothing) { EXPECT_EQ(read_.said(), ""); }

TEST_F(EverythingRead, GivesARuleItsDefaults) {
  EXPECT_EQ(rule(0).id, "sip-tls-in");
  EXPECT_EQ(rule(0).from.text, "any");
  EXPECT_EQ(rule(0).action, Action::kAllow);
  EXPECT_FALSE(rule(0).way);
  EXPECT_FALSE(rule(0).log);
  EXPECT_TRUE(rule(0).enabled);
  EXPECT_FALSE(rule(0).expires);
  EXPECT_EQ(rule(0).span.line, 5u);
  EXPECT_EQ(rule(0).span.column, 9u);
  EXPECT_EQ(rule(0).span.length, 10u);
}

TEST_F(EverythingRead, ReadsEveryOptionOfARule) {
  EXPECT_EQ(rule(1).from.text, "partners, 192.0.2.0/24");
  EXPECT_THAT(rule(1).service.protocols, ElementsAre(6, 17));
  EXPECT_THAT(rule(1).service.ports, ElementsAre(PortRange{10, 31}));
  EXPECT_THAT(rule(1).service.source_ports, ElementsAre(PortRange{53, 53}));
  EXPECT_EQ(rule(1).action, Action::kDeny);
  EXPECT_EQ(rule(1).way, WrittenRule::Way::kBoth);
  EXPECT_TRUE(rule(1).log);
  EXPECT_FALSE(rule(1).enabled);
  EXPECT_EQ(rule(1).expires, 1'801'353'600);
  EXPECT_EQ(rule(1).description, "with everything");
  EXPECT_THAT(rule(1).ignore, ElementsAre(testing::Pair("shadowed-rule", "on purpose")));
}

TEST_F(EverythingRead, KeepsWordsOfYamlAsNames) { EXPECT_EQ(rule(2).id, "no"); }

TEST_F(EverythingRead, ReadsIcmpAndNumbers) {
  EXPECT_EQ(rule(2).service.icmp_type, 3);
  EXPECT_EQ(rule(2).service.icmp_code, 4);
  EXPECT_THAT(rule(3).service.protocols, ElementsAre(47));
}

TEST_F(EverythingRead, ReadsEveryOptionOfAnInterface) {
  EXPECT_EQ(interface(0).devices.at(1).text, "bond0.7");
  EXPECT_EQ(interface(0).default_verdict, Verdict::kPass);
  EXPECT_EQ(interface(0).mode, Mode::kAudit);
  EXPECT_EQ(interface(0).xdp, XdpMode::kAny);
  EXPECT_EQ(interface(0).vlan, (VlanSelector{VlanSelector::Kind::kTags, 100, 7}));
  EXPECT_TRUE(interface(0).dhcp_client);
  EXPECT_FALSE(interface(0).router_advertisements);
  EXPECT_TRUE(interface(0).shared_local);
  EXPECT_THAT(interface(0).ethertypes, ElementsAre(0x0806, 0x88cc, 0x88b5, 0));
}

TEST_F(EverythingRead, GivesAnInterfaceItsDefaults) {
  EXPECT_EQ(interface(1).default_verdict, Verdict::kDrop);
  EXPECT_EQ(interface(1).mode, Mode::kEnforce);
  EXPECT_EQ(interface(1).xdp, XdpMode::kNative);
  EXPECT_EQ(interface(1).vlan, VlanSelector());
  EXPECT_FALSE(interface(1).dhcp_client);
  EXPECT_TRUE(interface(1).router_advertisements);
  EXPECT_FALSE(interface(1).shared_local);
  EXPECT_THAT(interface(1).ethertypes, ElementsAre(0x0806, 0x88cc, 0x8809, 0x888e));
}

TEST_F(EverythingRead, ReadsExpectations) {
  const Expectation& expectation = read_.nodes.at(0).expectations.at(0);
  EXPECT_EQ(ToString(expectation.from), "198.51.100.7");
  EXPECT_EQ(expectation.protocol, 6);
  EXPECT_EQ(expectation.port, 443);
  EXPECT_EQ(expectation.source_port, 1234);
  EXPECT_EQ(expectation.verdict, Verdict::kPass);
  EXPECT_EQ(expectation.rule, "external/external/sip-tls-in");
}

TEST(PolicyReader, ReportsAllErrorsOfARun) {
  const char* const kPolicy = R"(
matrix: m
rules:
- {id: one, from: 10.0.0.1/8, to: any, protocol: tpc}
- {id: two, from: any, to: any, protocol: icmp, ports: 80}
---
node: n
interfaces:
  a: {device: eth0, local: nowhere, matrices: [m, o]}
)";
  const ReadText read{Unwrapped(kPolicy)};
  std::vector<std::string> names;
  for (const Diagnostic* diagnostic : InOrder(read.diagnostics)) names.push_back(diagnostic->name);
  EXPECT_THAT(names, ElementsAre("bad-prefix", "bad-protocol", "protocol-mismatch",
                                 "missing-failsafe", "unknown-set", "unknown-matrix"));
  EXPECT_THAT(read.nodes, IsEmpty());
}

TEST(PolicyReader, ReadsFilesTogether) {
  Sources sources;
  sources.documents.push_back({"p/a.yaml", "p", "matrix: m\nrules: []\n"});
  sources.documents.push_back(
      {"p/n/b.yaml", "p",
       "node: n\nfailsafe: none\ninterfaces: {a: {device: d, local: 10.0.0.1, matrices: [m]}}\n"});
  const ReadText read(std::move(sources));
  EXPECT_EQ(read.said(), "");
  EXPECT_EQ(read.nodes.size(), 1u);
}

TEST(PolicyReader, NamesBothFilesOfADuplicate) {
  Sources sources;
  sources.documents.push_back({"a.yaml", "a.yaml", "matrix: m\nrules: []\n"});
  sources.documents.push_back({"b.yaml", "b.yaml", "matrix: m\nrules: []\n"});
  EXPECT_EQ(ReadText(std::move(sources)).said(),
            "b.yaml:1:9: error: matrix `m` is defined twice [duplicate-matrix]\n"
            "  matrix: m\n"
            "          ^\n"
            "  hint: rename one\n"
            "a.yaml:1:9: note: the first one\n"
            "  matrix: m\n"
            "          ^\n");
}

TEST(PolicyReader, SaysOfATooLargeFileHowFarBeyondItIs) {
  EXPECT_EQ(
      ReadText(std::string(kMaxDocumentBytes + 42, '#')).said(),
      "p.yaml: error: the file has 1048618 bytes, 42 more than the limit of 1048576 [too-large]\n"
      "  hint: split it; put long address lists into list files (`file: PATH` in a set)\n");
}

}  // namespace
}  // namespace portmatrix
