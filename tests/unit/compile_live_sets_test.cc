// SPDX-License-Identifier: Apache-2.0
// Rules that depend on live sets, compiled: the image's lookup finds what walking the rules finds,
// whatever the sets hold; and what has no room is refused in words.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "agent/compile/compile.h"
#include "agent/policy/evaluator.h"
#include "agent/policy/limits.h"
#include "maps/lookup.h"
#include "tests/support/node_builder.h"
#include "tests/support/random_policy.h"
#include "tests/support/talk.h"

namespace portmatrix {
namespace {

constexpr size_t kDenseWords[] = {kMostDenseWords, 0, 12};

std::optional<Compilation> Compiled(const Node& node, std::string* what,
                                    size_t dense = kMostDenseWords) {
  Numbering numbering;
  // Other numbers than the places in the node.
  for (size_t i = 0; i < node.live_sets.size(); ++i)
    numbering.live_sets[node.live_sets[i].name] = static_cast<uint32_t>(PM_MAX_LIVE_SETS - 1 - i);
  if (!NumberNode(node, {.rules = 100'000}, &numbering, what)) return std::nullopt;
  return Compile(node, numbering, 1, what, dense);
}

TEST(CompiledLiveSets, FindWhatWalkingTheRulesFinds) {
  size_t by_live_rules = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    Random random(seed);
    Node node = RandomNode(random);
    AddLiveSets(node, random);
    std::string what;
    const auto compiled = Compiled(node, &what, kDenseWords[seed % 3]);
    ASSERT_TRUE(compiled) << what;
    const ImageLookup lookup(compiled->image);
    const auto rules = MakeLinearMatcher(node);
    const TalkSource talks(node);
    for (int i = 0; i < 500; ++i) {
      const pm_tuple tuple = talks.Next(random).tuple;
      const auto sets = LiveMask{1} << node.live_sets.size();
      const LiveMembership live{static_cast<LiveMask>(random.Below(sets)),
                                static_cast<LiveMask>(random.Below(sets))};
      const bool same = SourceOf(tuple) == DestinationOf(tuple);
      const auto is_live = [&](uint32_t set, const Address& address) {
        const LiveMask mask = address == SourceOf(tuple) ? live.source : live.destination;
        return (mask >> (PM_MAX_LIVE_SETS - 1 - set) & 1) != 0;
      };
      if (same) continue;
      for (uint32_t interface = 0; interface < node.interfaces.size(); ++interface) {
        for (const pm_direction direction : {PM_IN, PM_OUT}) {
          const RuleMatch expected =
              rules->Find(interface, static_cast<Direction>(direction), tuple, live);
          const uint32_t value = lookup.Match(interface, direction, tuple, is_live);
          ASSERT_EQ(PM_VALUE_ACTION(value), static_cast<uint32_t>(expected.action))
              << "seed " << seed << ", tuple " << i;
          if (expected.rule == nullptr) continue;
          ASSERT_EQ(compiled->rules.at(PM_VALUE_RULE(value) - 1), expected.rule)
              << "seed " << seed << ", tuple " << i;
          by_live_rules += expected.rule->match.is_live();
        }
      }
    }
  }
  EXPECT_GT(by_live_rules, 1000u);
}

// One rule for each pair of a source and a destination set.
Node NodeOfPairs(size_t sources, size_t destinations) {
  Node node;
  node.name = "n";
  for (size_t i = 0; i < sources + destinations; ++i)
    node.live_sets.push_back({fmt::format("s{}", i), 100, {}});
  node.interfaces.push_back(MakeInterface("ext", "eth0", {"192.0.2.1"}, {}));
  for (size_t from = 0; from < sources; ++from) {
    for (size_t to = 0; to < destinations; ++to) {
      Rule rule = MakeRule("ext", {.id = fmt::format("r{}-{}", from, to)});
      rule.match.from = rule.match.to = {};
      rule.match.from_live = LiveMask{1} << from;
      rule.match.to_live = LiveMask{1} << (sources + to);
      node.interfaces[0].rules.push_back(rule);
    }
  }
  return node;
}

TEST(CompiledLiveSets, SayHowManyCombinationsAreTooMany) {
  std::string what;
  EXPECT_TRUE(Compiled(NodeOfPairs(4, 8), &what)) << what;
  EXPECT_FALSE(Compiled(NodeOfPairs(3, 11), &what));
  EXPECT_EQ(what,
            "interface ext, direction in: its rules name dynamic sets in 33 combinations of source "
            "and destination, the limit is 32: name fewer dynamic sets on both sides of a rule, or "
            "join sets");
}

TEST(CompiledLiveSets, CostNothingWhereNoRuleNamesOne) {
  Node node = NodeOfPairs(1, 1);
  node.interfaces[0].rules[0].match = MakeMatch({});
  std::string what;
  const auto compiled = Compiled(node, &what);
  ASSERT_TRUE(compiled) << what;
  const ImageLookup lookup(compiled->image);
  EXPECT_EQ(lookup.interface(0)->live_first[PM_IN], 0u);
  EXPECT_EQ(lookup.interface(0)->live_first[PM_OUT], 0u);
  EXPECT_EQ(compiled->image.table(PM_TABLE_LIVE).size(), 1u);
}

TEST(CompiledLiveSets, KeepTheirNumbersByName) {
  Numbering numbering;
  std::string what;
  Node node = NodeOfPairs(2, 1);
  ASSERT_TRUE(NumberNode(node, {.rules = 100}, &numbering, &what));
  const auto before = numbering.live_sets;
  std::swap(node.live_sets[0], node.live_sets[2]);
  node.live_sets.push_back({"new", 5, {}});
  ASSERT_TRUE(NumberNode(node, {.rules = 100}, &numbering, &what));
  for (const auto& [name, number] : before) EXPECT_EQ(numbering.live_sets.at(name), number);
  EXPECT_EQ(numbering.live_sets.at("new"), 3u);
  EXPECT_FALSE(NumberNode(NodeOfPairs(4, 1), {.rules = 100, .live_sets = 4}, &numbering, &what));
  EXPECT_EQ(what, "more than 4 dynamic sets are named by the generations in use");
}

}  // namespace
}  // namespace portmatrix
