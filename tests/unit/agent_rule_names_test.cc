// SPDX-License-Identifier: Apache-2.0
// Names of rules by number, against a map that keeps them one by one.
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "agent/datapath/rule_names.h"

namespace portmatrix {
namespace {

TEST(RuleNames, TellDirectionsApart) {
  RuleNames names;
  EXPECT_FALSE(names.Find("external/m/web", Direction::kIn));
  names.Add("external/m/web", Direction::kIn, 3);
  names.Add("external/m/web", Direction::kOut, 1);
  EXPECT_EQ(names.Find("external/m/web", Direction::kIn), 3u);
  EXPECT_EQ(names.Find("external/m/web", Direction::kOut), 1u);
  EXPECT_FALSE(names.Find("external/m/we", Direction::kIn));
  EXPECT_FALSE(names.Has(0));
  EXPECT_EQ(names.key(3), "external/m/web");
  EXPECT_EQ(names.direction(1), Direction::kOut);
  EXPECT_EQ(names.end(), 4u);
  EXPECT_EQ(names.size(), 2u);
}

TEST(RuleNames, ANumberMayGoToAnotherRule) {
  RuleNames names;
  names.Add("external/m/old", Direction::kIn, 0);
  names.Remove(0);
  EXPECT_FALSE(names.Find("external/m/old", Direction::kIn));
  EXPECT_FALSE(names.Has(0));
  names.Add("external/m/new", Direction::kIn, 0);
  EXPECT_FALSE(names.Find("external/m/old", Direction::kIn));
  EXPECT_EQ(names.Find("external/m/new", Direction::kIn), 0u);
  EXPECT_EQ(names.size(), 1u);
}

TEST(RuleNames, SayWhatAMapSaysWhateverComesAndGoes) {
  std::mt19937_64 random(11);
  RuleNames names;
  std::map<RuleIdentity, uint32_t> expected;
  std::map<uint32_t, RuleIdentity> taken;
  for (int step = 0; step < 40'000; ++step) {
    const RuleIdentity rule{"external/m/r" + std::to_string(random() % 700),
                            static_cast<Direction>(random() % 2)};
    const auto number = static_cast<uint32_t>(random() % 1500);
    const auto found = expected.find(rule);
    if (found != expected.end()) {
      ASSERT_EQ(names.Find(rule.key, rule.direction), found->second);
      names.Remove(found->second);
      taken.erase(found->second);
      expected.erase(found);
    } else if (!taken.contains(number)) {
      names.Add(rule.key, rule.direction, number);
      expected.emplace(rule, number);
      taken.emplace(number, rule);
    }
    ASSERT_EQ(names.size(), expected.size());
  }
  for (uint32_t number = 0; number < names.end(); ++number) {
    const auto rule = taken.find(number);
    ASSERT_EQ(names.Has(number), rule != taken.end());
    if (rule == taken.end()) continue;
    EXPECT_EQ(names.key(number), rule->second.key);
    EXPECT_EQ(names.direction(number), rule->second.direction);
    EXPECT_EQ(names.Find(rule->second.key, rule->second.direction), number);
  }
}

}  // namespace
}  // namespace portmatrix
