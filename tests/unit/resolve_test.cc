// SPDX-License-Identifier: Apache-2.0
// The model of a node: directions that follow from addresses, states, order, and names.
#include "agent/policy/resolve.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "tests/unit/policy_text.h"

namespace portmatrix {
namespace {

using testing::ElementsAre;

const char* StateWord(RuleState state) {
  constexpr const char* kWords[] = {"active", "disabled", "expired", "inactive"};
  return kWords[static_cast<size_t>(state)];
}

// "a/m/r in active", for all rules of all interfaces in order.
std::vector<std::string> RulesOf(const Node& node) {
  std::vector<std::string> rules;
  for (const Interface& interface : node.interfaces) {
    for (const Rule& rule : interface.rules) {
      rules.push_back(
          fmt::format("{} {} {}", rule.key, ToString(rule.direction), StateWord(rule.state)));
    }
  }
  return rules;
}

struct WayRow {
  const char* name;
  const char* rule;  // its keys but for id and protocol
  std::vector<std::string> rules;
};

void PrintTo(const WayRow& row, std::ostream* out) { *out << row.name; }

// Interfaces: outside with own-out (192.0.2.1, 2001:db8::1), inside with own-in (10.0.0.0/24). Both
// list the matrix.
std::string TwoSided(const std::string& rule) {
  return fmt::format(R"(matrix: m
rules:
- {{id: r, protocol: tcp, {}}}
---
sets: {{remote: 198.51.100.0/24, nobody: []}}
---
node: n
sets: {{own-out: [192.0.2.1, "2001:db8::1"], own-in: 10.0.0.0/24}}
failsafe: none
interfaces:
  outside: {{device: eth0, local: own-out, matrices: [m]}}
  inside: {{device: eth1, local: own-in, matrices: [m]}}
)",
                     rule);
}

const WayRow kWays[] = {
    {"AnyToOwnIsIn", "from: any, to: own-out", {"outside/m/r in active", "inside/m/r in inactive"}},
    {"OwnToAnyIsOut",
     "from: own-out, to: any",
     {"outside/m/r out active", "inside/m/r out inactive"}},
    {"PartOfOwnIsEnough",
     "from: remote, to: 10.0.0.7",
     {"outside/m/r in inactive", "inside/m/r in active"}},
    {"TheWholeOfOwnByItsPartsIsOwn",
     "from: any, to: [10.0.0.0/25, 10.0.0.128/25]",
     {"outside/m/r in inactive", "inside/m/r in active"}},
    {"BetweenTwoInterfacesItIsEachOnesOwnWay",
     "from: own-in, to: own-out",
     {"outside/m/r in active", "inside/m/r out active"}},
    {"WrittenInForAnyToAny",
     "from: any, to: any, direction: in",
     {"outside/m/r in active", "inside/m/r in active"}},
    {"WrittenBothForAnyToAny",
     "from: any, to: any, direction: both",
     {"outside/m/r in active", "outside/m/r out active", "inside/m/r in active",
      "inside/m/r out active"}},
    {"WrittenWhatFollowsAnyway",
     "from: any, to: own-out, direction: in",
     {"outside/m/r in active", "inside/m/r in inactive"}},
    {"WrittenForAMixedSide",
     "from: any, to: [own-out, own-in], direction: in",
     {"outside/m/r in active", "inside/m/r in active"}},
    {"WrittenForRemoteAddresses",
     "from: remote, to: 203.0.113.1, direction: out",
     {"outside/m/r out active", "inside/m/r out active"}},
    {"WrittenForOwnToOwn",
     "from: own-in, to: 10.0.0.7, direction: both",
     {"outside/m/r in inactive", "outside/m/r out inactive", "inside/m/r in active",
      "inside/m/r out active"}},
    {"ASupernetOnTheFarSideStaysInactive",
     "from: 10.0.0.0/8, to: own-out",
     {"outside/m/r in active", "inside/m/r in inactive"}},
    {"AnEmptySetIsNowhere",
     "from: nobody, to: own-out",
     {"outside/m/r in active", "inside/m/r in inactive"}},
    {"DisabledGoesBeforeInactive",
     "from: any, to: own-out, enabled: false",
     {"outside/m/r in disabled", "inside/m/r in disabled"}},
    {"ExpiredNow",
     "from: any, to: own-out, expires: 2027-01-15T08:00:00Z",
     {"outside/m/r in expired", "inside/m/r in expired"}},
    {"ExpiresInASecond",
     "from: any, to: own-out, expires: 2027-01-15T08:00:01Z",
     {"outside/m/r in active", "inside/m/r in inactive"}},
};

class RuleDirection : public testing::TestWithParam<WayRow> {};

TEST_P(RuleDirection, FollowsFromAddresses) {
  const ReadText read(TwoSided(GetParam().rule));
  ASSERT_EQ(read.said(), "");
  EXPECT_EQ(RulesOf(read.nodes.at(0)), GetParam().rules);
}

INSTANTIATE_TEST_SUITE_P(Ways, RuleDirection, testing::ValuesIn(kWays),
                         [](const auto& row) { return row.param.name; });

TEST(Resolution, KeepsTheOrderOfMatricesAndRules) {
  const ReadText read(Unwrapped(R"(
matrix: first
rules:
- {id: one, from: any, to: 10.0.0.1, protocol: tcp}
- {id: two, from: 10.0.0.1, to: any, protocol: tcp}
---
matrix: second
rules:
- {id: one, from: any, to: 10.0.0.1, protocol: udp}
---
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: [second, first]}
)"));
  ASSERT_EQ(read.said(), "");
  EXPECT_THAT(RulesOf(read.nodes[0]), ElementsAre("a/second/one in active", "a/first/one in active",
                                                  "a/first/two out active"));
}

TEST(Resolution, PrefersTheNodesSetsAndNestsThem) {
  const ReadText read(Unwrapped(R"(
sets:
  inner: 192.0.2.1
  outer: [inner, 192.0.2.9]
---
node: n
sets: {inner: [10.0.0.1, 10.0.0.0/30]}
failsafe: none
interfaces:
  a: {device: eth0, local: outer, matrices: []}
)"));
  ASSERT_EQ(read.said(), "");
  std::vector<std::string> local;
  for (const Prefix& prefix : read.nodes[0].interfaces[0].local.prefixes())
    local.push_back(ToString(prefix));
  EXPECT_THAT(local, ElementsAre("10.0.0.0/30", "192.0.2.9"));
}

TEST(Resolution, LetsInterfacesShareAddressesOnPurpose) {
  const ReadText read(Unwrapped(R"(
matrix: m
rules: [{id: r, from: any, to: 10.0.0.1, protocol: tcp}]
---
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: [m], shared_local: true}
  b: {device: eth0, local: 10.0.0.1, matrices: [m], shared_local: true, vlan: 7}
  c: {device: eth0, local: 10.0.0.2, matrices: [m], vlan: any}
)"));
  ASSERT_EQ(read.said(), "");
  EXPECT_THAT(RulesOf(read.nodes[0]),
              ElementsAre("a/m/r in active", "b/m/r in active", "c/m/r in inactive"));
}

TEST(Resolution, KnowsTheNextExpiry) {
  const ReadText read(Unwrapped(R"(
matrix: m
rules:
- {id: past, from: any, to: 10.0.0.1, protocol: tcp, expires: 2026-01-01T00:00:00Z}
- {id: off, from: any, to: 10.0.0.1, protocol: tcp, expires: 2027-02-01T00:00:00Z, enabled: false}
- {id: later, from: any, to: 10.0.0.1, protocol: tcp, expires: 2027-04-01T00:00:00Z}
- {id: next, from: any, to: 10.0.0.1, protocol: tcp, expires: 2027-03-01T00:00:00Z}
---
node: n
failsafe: none
interfaces: {a: {device: eth0, local: 10.0.0.1, matrices: [m]}}
)"));
  ASSERT_EQ(read.said(), "");
  EXPECT_EQ(NextExpiry(read.nodes[0], kTestNow), 1'803'859'200);
  EXPECT_EQ(NextExpiry(read.nodes[0], 1'803'859'200), 1'806'537'600);
  EXPECT_EQ(NextExpiry(read.nodes[0], 1'806'537'600), std::nullopt);
}

TEST(Resolution, WhatIsWrittenTwiceIsOneSet) {
  const ReadText read(Unwrapped(R"(
matrix: m
rules:
- {id: one, from: 198.51.100.7, to: own, protocol: tcp}
- {id: two, from: [198.51.100.7], to: own, protocol: udp}
- {id: both, from: [192.0.2.0/25, 192.0.2.128/25], to: 10.0.0.1, protocol: tcp}
- {id: turned, from: [192.0.2.128/25, 192.0.2.0/25], to: any, protocol: tcp, direction: in}
---
node: n
sets: {own: 10.0.0.1}
failsafe: none
interfaces: {a: {device: eth0, local: own, matrices: [m]}}
)"));
  ASSERT_EQ(read.said(), "");
  const std::vector<Rule>& rules = read.nodes[0].interfaces[0].rules;
  EXPECT_EQ(rules[0].match.from.identity(), rules[1].match.from.identity());
  EXPECT_EQ(rules[0].match.to.identity(), rules[1].match.to.identity());
  EXPECT_EQ(rules[2].match.from.identity(), rules[3].match.from.identity());
  EXPECT_EQ(rules[2].match.to.identity(), rules[0].match.to.identity());
  EXPECT_EQ(rules[3].match.to.identity(), AddressSet::Any().identity());
}

TEST(Resolution, TellsOfTheTextOnlyWhereItIsAskedFor) {
  ReadText read(Unwrapped(R"(
matrix: first
rules:
- {id: web, from: any, to: own, protocol: tcp, ports: 443, description: the shop, ignore: [shadowed-rule: on purpose]}
---
node: n
sets: {own: 10.0.0.1}
failsafe: none
interfaces: {a: {device: eth0, local: own, matrices: [first]}}
)"));
  ASSERT_EQ(read.said(), "");
  const Rule& rule = read.nodes[0].interfaces[0].rules[0];
  EXPECT_EQ(rule.matrix(), "first");
  EXPECT_EQ(rule.id(), "web");
  EXPECT_EQ(rule.text().from, "any");
  EXPECT_EQ(rule.text().to, "own");
  EXPECT_EQ(rule.text().description, "the shop");
  EXPECT_THAT(rule.text().ignore, ElementsAre(testing::Pair("shadowed-rule", "on purpose")));

  const auto bare =
      ResolveNode(read.policy, read.sources, "n", kTestNow, read.diagnostics, RuleTexts::kLeftOut);
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->interfaces[0].rules[0].written, nullptr);
  EXPECT_EQ(bare->interfaces[0].rules[0].text().from, "");
  EXPECT_EQ(bare->interfaces[0].rules[0].key, "a/first/web");
}

TEST(Resolution, SaysWhichNodesThereAre) {
  ReadText read(
      std::string("node: edge1\nfailsafe: none\ninterfaces: {a: {device: e, local: 10.0.0.1, "
                  "matrices: []}}\n"));
  EXPECT_FALSE(ResolveNode(read.policy, read.sources, "egde1", kTestNow, read.diagnostics));
  EXPECT_EQ(read.said(),
            "policy: error: the policy has no node `egde1` [unknown-node]\n"
            "  hint: did you mean `edge1`?\n");
}

TEST(Resolution, WaitsWhereTextCouldNotBeRead) {
  const ReadText read(std::string(
      "node: n\nfailsafe: none\ninterfaces: {a: {device: e, local: x, matrices: [m]}}\n---\n[\n"));
  EXPECT_EQ(read.diagnostics.errors(), 1u) << read.said();
}

}  // namespace
}  // namespace portmatrix
