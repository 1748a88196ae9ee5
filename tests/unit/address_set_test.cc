// SPDX-License-Identifier: Apache-2.0
// Sets of addresses against the plainest possible ones: every address of a small space.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "agent/policy/model.h"
#include "agent/policy/prefix_text.h"

namespace portmatrix {
namespace {

using testing::ElementsAre;

AddressSet Set(const std::vector<const char*>& texts) {
  std::vector<Prefix> prefixes;
  for (const char* text : texts) prefixes.push_back(std::get<Prefix>(ParsePrefix(text)));
  return AddressSet::Of(std::move(prefixes));
}

Address At(const char* text) { return *ParseAddress(text); }

TEST(AddressSet, DropsWhatLiesInsideOthersAndTwins) {
  std::vector<std::string> texts;
  const AddressSet set =
      Set({"10.0.0.1", "2001:db8::/32", "10.0.0.0/24", "10.0.0.1", "10.0.1.0/24", "2001:db8::1"});
  for (const Prefix& prefix : set.prefixes()) texts.push_back(ToString(prefix));
  EXPECT_THAT(texts, ElementsAre("10.0.0.0/24", "10.0.1.0/24", "2001:db8::/32"));
}

TEST(AddressSet, KeepsTheEdgesOfAPrefix) {
  const AddressSet set = Set({"10.0.0.128/25", "2001:db8::/33"});
  EXPECT_FALSE(set.Contains(At("10.0.0.127")));
  EXPECT_TRUE(set.Contains(At("10.0.0.128")));
  EXPECT_TRUE(set.Contains(At("10.0.0.255")));
  EXPECT_FALSE(set.Contains(At("10.0.1.0")));
  EXPECT_TRUE(set.Contains(At("2001:db8:7fff:ffff:ffff:ffff:ffff:ffff")));
  EXPECT_FALSE(set.Contains(At("2001:db8:8000::")));
}

TEST(AddressSet, KeepsFamiliesApart) {
  EXPECT_FALSE(Set({"0.0.0.0/0"}).Contains(At("::")));
  EXPECT_FALSE(Set({"::/0"}).Contains(At("0.0.0.0")));
  EXPECT_FALSE(Set({"0.0.0.0/0"}).Intersects(Set({"::/0"})));
}

TEST(AddressSet, ContainsWhatItsPartsMakeUp) {
  EXPECT_TRUE(Set({"10.0.0.0/25", "10.0.0.128/25"}).ContainsAll(Set({"10.0.0.0/24"})));
  EXPECT_FALSE(Set({"10.0.0.0/25", "10.0.0.128/26"}).ContainsAll(Set({"10.0.0.0/24"})));
  EXPECT_FALSE(Set({"10.0.0.0/26", "10.0.0.128/25"}).ContainsAll(Set({"10.0.0.0/24"})));
  EXPECT_TRUE(Set({"0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1"}).ContainsAll(AddressSet::Any()));
  EXPECT_FALSE(Set({"0.0.0.0/0"}).ContainsAll(AddressSet::Any()));
}

TEST(AddressSet, KnowsAnyAndNone) {
  const AddressSet none, any = AddressSet::Any(), some = Set({"10.0.0.1"});
  EXPECT_TRUE(none.empty());
  EXPECT_FALSE(any.empty());
  EXPECT_TRUE(any.Contains(At("::1")));
  EXPECT_TRUE(any.ContainsAll(any));
  EXPECT_TRUE(some.ContainsAll(none));
  EXPECT_FALSE(none.ContainsAll(some));
  EXPECT_TRUE(any.Intersects(some));
  EXPECT_TRUE(some.Intersects(any));
  EXPECT_FALSE(any.Intersects(none));
  EXPECT_FALSE(none.Intersects(any));
}

TEST(AddressSet, AgreesWithEveryAddressOfASmallSpace) {
  std::mt19937 random(7);
  const auto address = [](uint32_t last) {
    Address made = *ParseAddress("255.255.255.0");
    made.bytes[3] = static_cast<uint8_t>(last);
    return made;
  };
  const auto random_set = [&] {
    std::vector<Prefix> prefixes;
    for (size_t count = random() % 8; count > 0; --count) {
      const int length = 26 + static_cast<int>(random() % 7);
      prefixes.push_back(
          {Masked(address(192 + random() % 64), length), static_cast<uint8_t>(length)});
    }
    return prefixes;
  };
  for (int round = 0; round < 5000; ++round) {
    const std::vector<Prefix> left_prefixes = random_set(), right_prefixes = random_set();
    const AddressSet left = AddressSet::Of(left_prefixes), right = AddressSet::Of(right_prefixes);
    const auto holds = [](const std::vector<Prefix>& prefixes, const Address& asked) {
      return std::ranges::any_of(prefixes,
                                 [&](const Prefix& prefix) { return prefix.Contains(asked); });
    };
    bool intersects = false, contains_all = true;
    for (uint32_t last = 0; last < 256; ++last) {
      const bool in_left = holds(left_prefixes, address(last)),
                 in_right = holds(right_prefixes, address(last));
      ASSERT_EQ(left.Contains(address(last)), in_left) << round;
      intersects |= in_left && in_right;
      contains_all &= in_left || !in_right;
    }
    ASSERT_EQ(left.Intersects(right), intersects) << round;
    ASSERT_EQ(left.ContainsAll(right), contains_all) << round;
  }
}

TEST(AddressSet, CopiesAreTheSameAndEqualOnesAreEqual) {
  const AddressSet set = Set({"10.0.0.0/24", "2001:db8::/32"}), copy = set;
  const AddressSet equal = Set({"2001:db8::/32", "10.0.0.0/24", "10.0.0.7"});
  EXPECT_EQ(copy.identity(), set.identity());
  EXPECT_NE(equal.identity(), set.identity());
  EXPECT_EQ(equal, set);
  EXPECT_EQ(equal.Hash(), set.Hash());
  EXPECT_NE(AddressSet::Any(), AddressSet());
  EXPECT_EQ(AddressSet::Of({}), AddressSet());
  EXPECT_FALSE(AddressSet() == set);
  EXPECT_TRUE(set.Intersects(copy));
  EXPECT_TRUE(set.ContainsAll(copy));
  EXPECT_FALSE(AddressSet().Intersects(AddressSet()));
}

}  // namespace
}  // namespace portmatrix
