// SPDX-License-Identifier: Apache-2.0
// Stretches of addresses, taken from each other and written as prefixes.
#include "agent/policy/address_stretches.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/node_builder.h"
#include "tests/support/random_policy.h"

namespace portmatrix {
namespace {

using Texts = std::vector<std::string>;

Texts TextsOf(const AddressStretches& stretches) {
  Texts texts;
  for (const Prefix& prefix : PrefixesOf(stretches)) texts.push_back(ToString(prefix));
  return texts;
}

AddressStretches In(Family family, const Texts& prefixes) {
  if (prefixes.empty()) return {};
  return JoinedStretches(Addresses(prefixes), family);
}

TEST(AddressStretches, WhatIsLeftWithoutOthers) {
  struct Case {
    const char* name;
    Family family;
    Texts from, taken, left;
  };
  const Case cases[] = {
      {"NothingTaken", Family::kIpv4, {"10.0.0.0/8"}, {}, {"10.0.0.0/8"}},
      {"AllTaken", Family::kIpv4, {"10.0.0.0/8"}, {"10.0.0.0/8"}, {}},
      {"AHalf", Family::kIpv4, {"10.0.0.0/8"}, {"10.0.0.0/9"}, {"10.128.0.0/9"}},
      {"TheFirst", Family::kIpv4, {"10.0.0.0/30"}, {"10.0.0.0"}, {"10.0.0.1", "10.0.0.2/31"}},
      {"TheLast",
       Family::kIpv4,
       {"255.255.255.252/30"},
       {"255.255.255.255"},
       {"255.255.255.252/31", "255.255.255.254"}},
      {"OneOfManyHoles",
       Family::kIpv4,
       {"10.0.0.0/31", "10.0.0.4/31"},
       {"10.0.0.1", "10.0.0.4"},
       {"10.0.0.0", "10.0.0.5"}},
      {"AHoleOverTwo",
       Family::kIpv4,
       {"10.0.0.0/31", "10.0.0.4/31", "10.0.0.8"},
       {"10.0.0.0/29"},
       {"10.0.0.8"}},
      {"TouchingOnesAreJoined",
       Family::kIpv4,
       {"10.0.0.0/25", "10.0.0.128/25", "10.0.1.0/24"},
       {},
       {"10.0.0.0/23"}},
      {"OfTheOtherFamily", Family::kIpv6, {"2001:db8::/127"}, {"10.0.0.0/8"}, {"2001:db8::/127"}},
      {"TheEndOfIpv6",
       Family::kIpv6,
       {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127"},
       {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"},
       {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}},
  };
  for (const Case& each : cases) {
    EXPECT_EQ(TextsOf(Without(In(each.family, each.from), In(each.family, each.taken))), each.left)
        << each.name;
  }
}

TEST(AddressStretches, EveryAddressIsTheWholeFamily) {
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    const AddressStretches all = JoinedStretches(AddressSet::Any(), family);
    EXPECT_TRUE(IsEveryAddress(all));
    EXPECT_FALSE(IsEveryAddress(Without(all, In(family, {"0.0.0.0", "::"}))));
    EXPECT_TRUE(IsEveryAddress(In(family, {"0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1"})));
  }
}

TEST(AddressStretches, TakingAndPuttingTogetherAgreeWithSets) {
  Random random(3);
  for (int round = 0; round < 3000; ++round) {
    const AddressSet from = RandomAddresses(random, 6);
    const AddressSet taken = RandomAddresses(random, 6);
    for (const Family family : {Family::kIpv4, Family::kIpv6}) {
      const AddressStretches all = JoinedStretches(from, family);
      const AddressStretches holes = JoinedStretches(taken, family);
      const AddressStretches left = Without(all, holes);
      const AddressStretches common = Without(all, left);
      EXPECT_TRUE(Holds(all, left));
      EXPECT_TRUE(Holds(holes, common));
      EXPECT_TRUE(Equal(Without(left, holes), left));
      // Prefixes say the same, and no two of them could be one.
      std::vector<Prefix> prefixes = PrefixesOf(left);
      EXPECT_TRUE(Equal(JoinedStretches(AddressSet::Of(prefixes), family), left));
      for (size_t i = 1; i < prefixes.size(); ++i) {
        const Prefix& a = prefixes[i - 1];
        const Prefix& b = prefixes[i];
        if (a.length != b.length || a.length == 0) continue;
        const Prefix both{Masked(a.address, a.length - 1), static_cast<uint8_t>(a.length - 1)};
        EXPECT_FALSE(both.Contains(a) && both.Contains(b)) << ToString(a) << " " << ToString(b);
      }
    }
  }
}

}  // namespace
}  // namespace portmatrix
