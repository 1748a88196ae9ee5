// SPDX-License-Identifier: Apache-2.0
// Covers, decided by boundary classes and compared with asking for every packet of a small world.
#include "agent/policy/cover.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "agent/policy/tuple.h"
#include "maps/address.h"

namespace portmatrix {
namespace {

constexpr size_t kPlenty = 100'000'000;

// Every value that the random matches below can tell apart, and one between.
const std::vector<const char*> kAddresses[] = {
    {"9.9.9.9", "10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3", "255.255.255.255"},
    {"::", "2001:db8::", "2001:db8::1", "2001:db8::2", "2001:db8::3", "ffff:ffff::1"}};
const std::vector<const char*> kPrefixes[] = {
    {"0.0.0.0/0", "10.0.0.0/30", "10.0.0.0/31", "10.0.0.2/31", "10.0.0.0", "10.0.0.1", "10.0.0.2",
     "10.0.0.3"},
    {"::/0", "2001:db8::/126", "2001:db8::/127", "2001:db8::2/127", "2001:db8::", "2001:db8::3"}};
constexpr uint8_t kProtocols[] = {6, 17, 1, 58, 47, 200, 99};
constexpr uint16_t kKeys[] = {0, 1, 2, 3, 0x0100, 0x0101, 0x0102, 0x0200, 0x0201, 0x0202, 65535};
constexpr uint16_t kSourceKeys[] = {0, 1, 65535};

Prefix PrefixOf(std::string text) {
  const size_t slash = text.find('/');
  Prefix prefix = HostPrefix(*ParseAddress(text.substr(0, slash)));
  if (slash != std::string::npos)
    prefix.length = static_cast<uint8_t>(std::stoi(text.substr(slash + 1)));
  return prefix;
}

class World {
 public:
  explicit World(uint32_t seed) : random_(seed) {}

  Match RandomMatch() {
    Match match;
    match.from = RandomAddresses();
    match.to = RandomAddresses();
    match.any_protocol = Below(4) == 0;
    if (match.any_protocol) return match;
    switch (Below(3)) {
      case 0:
        match.protocols = {6, 17};
        if (Below(2) == 0) match.protocols = {6};
        if (Below(3) != 0)
          match.ports =
              RandomRanges({{0, 0}, {0, 1}, {1, 2}, {2, 0x0100}, {3, 65535}, {65535, 65535}});
        if (Below(3) == 0) match.source_ports = RandomRanges({{0, 0}, {0, 1}, {1, 65535}});
        break;
      case 1:
        match.protocols = {1, 58};
        if (Below(2) == 0) match.protocols = {1};
        if (Below(2) == 0) match.icmp_type = static_cast<uint8_t>(Below(3));
        if (match.icmp_type && Below(2) == 0) match.icmp_code = static_cast<uint8_t>(Below(2));
        break;
      default:
        match.protocols = {1, 6, 17, 47, 58, 200};
        if (Below(2) == 0) match.protocols = {47};
    }
    return match;
  }

  uint32_t Below(uint32_t limit) { return static_cast<uint32_t>(random_() % limit); }

 private:
  AddressSet RandomAddresses() {
    if (Below(4) == 0) return AddressSet::Any();
    std::vector<Prefix> prefixes;
    for (uint32_t count = 1 + Below(4); count > 0; --count) {
      const auto& family = kPrefixes[Below(2)];
      prefixes.push_back(PrefixOf(family[Below(static_cast<uint32_t>(family.size()))]));
    }
    return AddressSet::Of(std::move(prefixes));
  }

  std::vector<PortRange> RandomRanges(std::vector<PortRange> choice) {
    return {choice[Below(static_cast<uint32_t>(choice.size()))]};
  }

  std::mt19937 random_;
};

// Every packet of the world.
const std::vector<pm_tuple>& Packets() {
  static const std::vector<pm_tuple> packets = [] {
    std::vector<pm_tuple> made;
    for (const auto& family : kAddresses) {
      for (const char* from : family) {
        for (const char* to : family) {
          for (const uint8_t protocol : kProtocols) {
            pm_tuple tuple = MakeTuple(*ParseAddress(from), *ParseAddress(to), protocol);
            if (tuple.family == (protocol == 1 ? 6 : protocol == 58 ? 4 : 0)) continue;
            const bool ports = protocol == 6 || protocol == 17;
            for (const uint16_t key : kKeys) {
              for (const uint16_t source : kSourceKeys) {
                if ((protocol > 40 && protocol != 58 && key != 0) || (!ports && source != 0))
                  continue;
                tuple.destination_port = key;
                tuple.source_port = source;
                made.push_back(tuple);
              }
            }
          }
        }
      }
    }
    return made;
  }();
  return packets;
}

// The matches that some packet of `match` meets first; SIZE_MAX among them if a packet meets none.
std::set<size_t> FirstMet(const Match& match, const std::deque<Match>& others) {
  std::set<size_t> met;
  for (const pm_tuple& tuple : Packets()) {
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
    World world(seed);
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
  World world(1);
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
