// SPDX-License-Identifier: Apache-2.0
// What is legal and surely not meant: rules that no packet reaches, sets that nothing uses.
#include "agent/policy/lint.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "tests/unit/policy_text.h"

namespace portmatrix {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string Linted(const std::string& policy) {
  ReadText read(policy);
  EXPECT_EQ(read.said(), "");
  LintPolicy(read.policy, read.diagnostics);
  for (const Node& node : read.nodes) LintNode(node, read.diagnostics);
  return read.said();
}

// The places of rules that no packet reaches: "shadowed-rule at 4". Rules stand on lines 3 and
// following of a matrix on one interface.
std::vector<std::string> WarningsOf(const std::string& rules,
                                    const std::string& failsafe = "none") {
  ReadText read(fmt::format(R"(matrix: m
rules:
{}---
node: n
failsafe: {}
interfaces:
  a: {{device: eth0, local: [192.0.2.1, "2001:db8::1"], matrices: [m]}}
)",
                            rules, failsafe));
  EXPECT_EQ(read.said(), "");
  for (const Node& node : read.nodes) LintNode(node, read.diagnostics);
  std::vector<std::string> warnings;
  for (const Diagnostic* diagnostic : InOrder(read.diagnostics)) {
    if (IsUnreachedLint(diagnostic->name))
      warnings.push_back(fmt::format("{} at {}", diagnostic->name, diagnostic->span.line));
  }
  return warnings;
}

struct Row {
  const char* name;
  const char* rules;
  std::vector<std::string> warnings;
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

const Row kRows[] = {
    {"TheSameAgain",
     "- {id: a, from: any, to: 192.0.2.1, protocol: tcp, ports: 443}\n"
     "- {id: b, from: any, to: 192.0.2.1, protocol: tcp, ports: 443}\n",
     {"shadowed-rule at 4"}},
    {"ADenyShadowsAsWell",
     "- {id: a, from: any, to: 192.0.2.1, protocol: tcp, action: deny}\n"
     "- {id: b, from: 198.51.100.7, to: 192.0.2.1, protocol: tcp, ports: 443}\n",
     {"shadowed-rule at 4"}},
    {"OnePortMore",
     "- {id: a, from: any, to: 192.0.2.1, protocol: tcp, ports: 443}\n"
     "- {id: b, from: any, to: 192.0.2.1, protocol: tcp, ports: 443-444}\n",
     {}},
    {"OneAddressMore",
     "- {id: a, from: any, to: 192.0.2.1, protocol: tcp, ports: 443}\n"
     "- {id: b, from: any, to: [192.0.2.1, '2001:db8::1'], protocol: tcp, ports: 443}\n",
     {}},
    {"AnotherDirection",
     "- {id: a, from: any, to: any, protocol: any, direction: out}\n"
     "- {id: b, from: any, to: 192.0.2.1, protocol: tcp, ports: 443}\n",
     {}},
    {"TwoHalvesOfThePorts",
     "- {id: a, from: any, to: 192.0.2.1, protocol: tcp, ports: 0-1023}\n"
     "- {id: b, from: any, to: 192.0.2.1, protocol: tcp, ports: 1024-65535}\n"
     "- {id: c, from: 198.51.100.7, to: 192.0.2.1, protocol: tcp}\n",
     {"shadowed-rule at 5"}},
    {"TwoHalvesOfTheAddresses",
     "- {id: a, from: [0.0.0.0/1, '::/1'], to: 192.0.2.1, protocol: tcp}\n"
     "- {id: b, from: [128.0.0.0/1], to: 192.0.2.1, protocol: tcp}\n"
     "- {id: c, from: any, to: 192.0.2.1, protocol: tcp}\n",
     {"shadowed-rule at 5"}},
    {"AHalfThatIsMissingInOneFamily",
     "- {id: a, from: [0.0.0.0/1, '::/1'], to: '2001:db8::1', protocol: tcp}\n"
     "- {id: b, from: [128.0.0.0/1, '8000::/2'], to: '2001:db8::1', protocol: tcp}\n"
     "- {id: c, from: any, to: '2001:db8::1', protocol: tcp}\n",
     {}},
    {"PortsOfTwoProtocols",
     "- {id: a, from: any, to: 192.0.2.1, protocol: tcp, ports: 53}\n"
     "- {id: b, from: any, to: 192.0.2.1, protocol: udp, ports: 53}\n"
     "- {id: c, from: any, to: 192.0.2.1, protocol: [tcp, udp], ports: 53}\n",
     {"shadowed-rule at 5"}},
    {"CrossedPortsAndAddresses",
     "- {id: a, from: 198.51.100.0/25, to: 192.0.2.1, protocol: tcp, ports: 1-10}\n"
     "- {id: b, from: 198.51.100.128/25, to: 192.0.2.1, protocol: tcp, ports: 5-20}\n"
     "- {id: c, from: 198.51.100.0/24, to: 192.0.2.1, protocol: tcp, ports: 5-11}\n",
     {}},
    {"SourcePorts",
     "- {id: a, from: any, to: 192.0.2.1, protocol: udp, source_ports: 53}\n"
     "- {id: b, from: any, to: 192.0.2.1, protocol: udp, ports: 99, source_ports: 53}\n"
     "- {id: c, from: any, to: 192.0.2.1, protocol: udp, ports: 99}\n",
     {"shadowed-rule at 4"}},
    {"IcmpTypes",
     "- {id: a, from: any, to: 192.0.2.1, protocol: icmp, icmp_type: 3}\n"
     "- {id: b, from: any, to: 192.0.2.1, protocol: icmp, icmp_type: 3, icmp_code: 4}\n"
     "- {id: c, from: any, to: 192.0.2.1, protocol: icmp, icmp_type: 8, icmp_code: 0}\n"
     "- {id: d, from: any, to: 192.0.2.1, protocol: icmp, icmp_type: 8}\n",
     {"shadowed-rule at 4"}},
    {"DisabledRulesShadowNothing",
     "- {id: a, from: any, to: 192.0.2.1, protocol: tcp, enabled: false}\n"
     "- {id: b, from: any, to: 192.0.2.1, protocol: tcp}\n",
     {}},
    {"DisabledRulesAreNotShadowed",
     "- {id: a, from: any, to: 192.0.2.1, protocol: tcp}\n"
     "- {id: b, from: any, to: 192.0.2.1, protocol: tcp, enabled: false}\n",
     {}},
    {"WhatEndsSoonerShadowsNothing",
     "- {id: a, from: any, to: 192.0.2.1, protocol: tcp, expires: 2027-02-01T00:00:00Z}\n"
     "- {id: b, from: any, to: 192.0.2.1, protocol: tcp, ports: 443}\n"
     "- {id: c, from: any, to: 192.0.2.1, protocol: tcp, ports: 80, expires: "
     "2027-02-01T00:00:00Z}\n",
     {"shadowed-rule at 5"}},
    {"SourcesThatAreLocalDoNotComeFromOutside",
     "- {id: a, from: 192.0.2.1, to: 192.0.2.1, protocol: tcp, direction: in}\n"
     "- {id: b, from: [192.0.2.1, 127.0.0.0/8, '::1'], to: any, protocol: any, direction: in}\n"
     "- {id: c, from: [192.0.2.0/31], to: 192.0.2.1, protocol: udp}\n",
     {"never-matches at 3", "never-matches at 4"}},
    {"IgnoredWithAReason",
     "- {id: a, from: any, to: 192.0.2.1, protocol: tcp}\n"
     "- {id: b, from: any, to: 192.0.2.1, protocol: tcp, ignore: [shadowed-rule: documents the "
     "plan]}\n",
     {}},
};

class Shadowing : public testing::TestWithParam<Row> {};

TEST_P(Shadowing, IsToldExactly) { EXPECT_EQ(WarningsOf(GetParam().rules), GetParam().warnings); }

INSTANTIATE_TEST_SUITE_P(Rules, Shadowing, testing::ValuesIn(kRows),
                         [](const auto& row) { return row.param.name; });

TEST(ShadowedRule, NamesTheOneRuleThatCoversIt) {
  EXPECT_EQ(Linted(Unwrapped(R"(
matrix: m
rules:
- {id: web, from: any, to: 192.0.2.1, protocol: tcp, ports: 443}
- {id: api, from: 198.51.100.7, to: 192.0.2.1, protocol: tcp, ports: 443}
---
node: n
failsafe: none
interfaces: {a: {device: eth0, local: 192.0.2.1, matrices: [m]}}
)")),
            Unwrapped(R"(
p.yaml:4:8: warning: rule `a/m/api` (in) never matches: rule `a/m/web` before it matches all its packets [shadowed-rule]
  - {id: api, from: 198.51.100.7, to: 192.0.2.1, protocol: tcp, ports: 443}
         ^~~
  hint: move it up, remove it, or write `ignore: [shadowed-rule: why]`
p.yaml:3:8: note: rule `a/m/web` matches first
  - {id: web, from: any, to: 192.0.2.1, protocol: tcp, ports: 443}
         ^~~
)"));
}

TEST(ShadowedRule, NamesAllThatCoverItTogether) {
  const std::string said = Linted(Unwrapped(R"(
matrix: m
rules:
- {id: low, from: any, to: 192.0.2.1, protocol: tcp, ports: 1-10}
- {id: other, from: any, to: 192.0.2.1, protocol: tcp, ports: 30}
- {id: high, from: any, to: 192.0.2.1, protocol: tcp, ports: 11-20}
- {id: mid, from: any, to: 192.0.2.1, protocol: tcp, ports: 5-15}
---
node: n
failsafe: none
interfaces: {a: {device: eth0, local: 192.0.2.1, matrices: [m]}}
)"));
  EXPECT_THAT(said, HasSubstr("(in) never matches: 2 rules before it match all its packets"));
  EXPECT_THAT(said, HasSubstr("p.yaml:3:8: note: rule `a/m/low` matches first"));
  EXPECT_THAT(said, HasSubstr("p.yaml:5:8: note: rule `a/m/high` matches first"));
  EXPECT_THAT(said, testing::Not(HasSubstr("a/m/other")));
}

TEST(ShadowedRule, MayBeShadowedByTheFailsafeWhenIn) {
  EXPECT_THAT(WarningsOf("- {id: a, from: 198.51.100.7, to: 192.0.2.1, protocol: tcp, ports: 22}\n"
                         "- {id: b, from: 192.0.2.1, to: 198.51.100.7, protocol: tcp, ports: 22}\n",
                         "[{from: 198.51.100.0/24, protocol: tcp, ports: 22}]"),
              ElementsAre("failsafe-covers-rule at 3"));
}

TEST(UnusedSet, IsToldWhereItIsDefined) {
  EXPECT_EQ(Linted(Unwrapped(R"(
sets:
  spare: 10.9.9.9
---
node: n
sets: {own: 192.0.2.1, rest: 10.9.9.8}
failsafe: none
interfaces: {a: {device: eth0, local: own, matrices: []}}
)")),
            Unwrapped(R"(
p.yaml:2:3: warning: shared set `spare` is used by nothing [unused-set]
    spare: 10.9.9.9
    ^~~~~
  hint: remove it, or check the names in the rules that were meant to use it
p.yaml:5:24: warning: node `n`: set `rest` is used by nothing [unused-set]
  sets: {own: 192.0.2.1, rest: 10.9.9.8}
                         ^~~~
  hint: remove it, or check the names in the rules that were meant to use it
)"));
}

TEST(UnusedSet, IsNoneThatOneWayLeadsTo) {
  EXPECT_EQ(Linted(Unwrapped(R"(
matrix: m
rules: [{id: r, from: partners, to: 192.0.2.1, protocol: tcp}]
---
matrix: for-later
rules: [{id: r, from: others, to: any, protocol: tcp, direction: in}]
---
sets: {partners: [inner], inner: 198.51.100.0/24, admins: 10.0.0.0/24, others: 10.1.0.0/24}
---
node: n
sets: {own: 192.0.2.1}
failsafe: [{from: admins, to: own, protocol: tcp}]
interfaces: {a: {device: eth0, local: 192.0.2.1, matrices: [m]}}
)")),
            "");
}

TEST(UnusedSet, IsTheSharedOneThatEveryNodeHides) {
  EXPECT_THAT(Linted(Unwrapped(R"(
sets: {own: 10.0.0.1}
---
node: n
sets: {own: 192.0.2.1}
failsafe: none
interfaces: {a: {device: eth0, local: own, matrices: []}}
)")),
              HasSubstr("p.yaml:1:8: warning: shared set `own` is used by nothing"));
}

}  // namespace
}  // namespace portmatrix
