// SPDX-License-Identifier: Apache-2.0
// The content of a live set as values: until when an address counts, however its entries nest.
#include "agent/datapath/live_entries.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "tests/support/random.h"
#include "tests/support/random_policy.h"

namespace portmatrix {
namespace {

Prefix PrefixOf(const std::string& address, uint8_t length) {
  return {*ParseAddress(address), length};
}

TEST(LiveEntries, LatestOfTheEntriesAroundAnAddressCounts) {
  LiveEntries entries;
  entries.Put(PrefixOf("198.51.100.0", 24), {.until = 50});
  entries.Put(PrefixOf("198.51.100.128", 25), {.until = 10});
  entries.Put(PrefixOf("198.51.100.129", 32), {.until = 20});
  const auto until = [&](const std::string& address) {
    return entries.Until(HostPrefix(*ParseAddress(address)));
  };
  EXPECT_EQ(until("198.51.100.129"), 50u);
  EXPECT_EQ(until("198.51.100.1"), 50u);
  EXPECT_EQ(until("198.51.101.1"), 0u);
  EXPECT_EQ(until("::1"), 0u);
  EXPECT_TRUE(entries.Erase(PrefixOf("198.51.100.0", 24)));
  EXPECT_FALSE(entries.Erase(PrefixOf("198.51.100.0", 24)));
  EXPECT_EQ(until("198.51.100.129"), 20u);
  EXPECT_EQ(until("198.51.100.130"), 10u);
  EXPECT_EQ(until("198.51.100.1"), 0u);
}

TEST(LiveEntries, WithinAreThePrefixesInsideButNoSingleAddresses) {
  LiveEntries entries;
  const std::vector<Prefix> inside = {PrefixOf("10.0.0.0", 8), PrefixOf("10.0.0.0", 16),
                                      PrefixOf("10.255.0.0", 16)};
  for (const Prefix& prefix : inside) entries.Put(prefix, {});
  for (const Prefix& other : {PrefixOf("10.0.0.1", 32), PrefixOf("9.0.0.0", 8),
                              PrefixOf("11.0.0.0", 8), PrefixOf("a00::", 16)})
    entries.Put(other, {});
  EXPECT_EQ(entries.Within(PrefixOf("10.0.0.0", 8)), inside);
}

TEST(LiveEntries, AgreeWithTheNaiveAnswer) {
  Random random(7);
  for (int round = 0; round < 50; ++round) {
    LiveEntries entries;
    std::map<Prefix, uint64_t> naive;
    for (int i = 0; i < 60; ++i) {
      const Prefix prefix = RandomPrefix(random);
      if (random.Percent(30)) {
        EXPECT_EQ(entries.Erase(prefix), naive.erase(prefix) == 1);
      } else {
        const uint64_t until = 1 + random.Below(100);
        entries.Put(prefix, {.until = until});
        naive[prefix] = until;
      }
      const Prefix asked = RandomPrefix(random);
      uint64_t expected = 0;
      for (const auto& [around, until] : naive)
        if (around.Contains(asked)) expected = std::max(expected, until);
      EXPECT_EQ(entries.Until(asked), expected) << ToString(asked);
      EXPECT_EQ(entries.size(), naive.size());
    }
  }
}

}  // namespace
}  // namespace portmatrix
