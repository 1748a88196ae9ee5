// SPDX-License-Identifier: Apache-2.0
// Covers, decided by boundary classes and compared with asking for every packet of a small world.
#include "agent/policy/cover.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <set>
#include <vector>

#include "tests/support/small_world.h"

namespace portmatrix {
namespace {

constexpr size_t kPlenty = 100'000'000;

// The matches that some packet of `match` meets first; SIZE_MAX among them if a packet meets none.
std::set<size_t> FirstMet(const Match& match, const std::deque<Match>& others) {
  std::set<size_t> met;
  for (const pm_tuple& tuple : SmallWorldPackets()) {
    if (!match.Matches(tuple)) continue;
    const auto first =
        std::ranges::find_if(others, [&](const Match& other) { return other.Matches(tuple); });
    met.insert(first == others.end() ? SIZE_MAX : static_cast<size_t>(first - others.begin()));
  }
  return met;
}

TEST(Cover, AgreesWithEveryPacketOfASmallWorld) {
  size_t covered = 0;
  for (uint32_t seed = 0; seed < 4000; ++seed) {
    SmallWorld world(seed);
    const Match match = world.RandomMatch();
    std::deque<Match> others;
    for (uint32_t count = world.Below(7); count > 0; --count) others.push_back(world.RandomMatch());

    AddressPool pool;
    WorkBudget budget(kPlenty);
    const PooledMatch asked{&match, pool.Add(match.from), pool.Add(match.to)};
    std::vector<PooledMatch> overlapping;
    std::vector<size_t> numbers;
    for (size_t i = 0; i < others.size(); ++i) {
      const PooledMatch other{&others[i], pool.Add(others[i].from), pool.Add(others[i].to)};
      if (!Overlap(asked, other, pool, budget)) continue;
      overlapping.push_back(other);
      numbers.push_back(i);
    }
    const Cover cover = FindCover(asked, overlapping, pool, budget);
    const std::set<size_t> met = FirstMet(match, others);
    ASSERT_EQ(cover.outcome == Cover::Outcome::kCovered, !met.contains(SIZE_MAX))
        << "seed " << seed;
    if (cover.outcome != Cover::Outcome::kCovered) continue;
    ++covered;
    std::set<size_t> by;
    for (const size_t index : cover.by) by.insert(numbers[index]);
    if (by.size() == 1) {
      EXPECT_FALSE(FirstMet(match, {others[*by.begin()]}).contains(SIZE_MAX)) << "seed " << seed;
    } else {
      EXPECT_EQ(by, met) << "seed " << seed;
    }
  }
  EXPECT_GT(covered, 400u);
}

TEST(Cover, IsUndecidedWithoutBudget) {
  SmallWorld world(1);
  Match match;
  match.from = match.to = AddressSet::Any();
  match.any_protocol = true;
  AddressPool pool;
  WorkBudget budget(1);
  const Match other = world.RandomMatch();
  const PooledMatch asked{&match, pool.Add(match.from), pool.Add(match.to)};
  const PooledMatch earlier{&other, pool.Add(other.from), pool.Add(other.to)};
  EXPECT_EQ(FindCover(asked, {earlier}, pool, budget).outcome, Cover::Outcome::kUndecided);
}

}  // namespace
}  // namespace portmatrix
