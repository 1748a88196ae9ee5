// SPDX-License-Identifier: Apache-2.0
// A block list as long as they come, before three judges: each end of each kind of stretch.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "tests/kernel/privilege.h"
#include "tests/kernel/three_judges.h"
#include "tests/support/edge_node.h"
#include "tests/support/judgement_text.h"
#include "tests/support/node_builder.h"
#include "tests/support/packet_builder.h"

namespace portmatrix {
namespace {

// More than 6^7 stretches in one tree, prefixes and what lies between them: eight levels.
constexpr size_t kPrefixes = 150'000;
constexpr size_t kPackets = 2'000;

// Where a list's prefixes lie: all begin with the bytes of `base` up to `fixed`.
struct Place {
  const char* base;
  size_t fixed;
  uint8_t length;
};
constexpr Place kPlaces[] = {
    {"11.0.0.0", 1, 32},
    {"2001:db8::", 4, 128},      // in buckets by their first bits
    {"2a00:db8:0:1::", 8, 128},  // in one bucket, told apart by the last half
    {"2c00::", 1, 31},           // shorter than what buckets hold
};

// Prefixes at random, no two of which touch: the last bit of each is zero.
std::vector<Prefix> List(const Place& place, std::mt19937_64& random) {
  std::vector<Prefix> list;
  for (size_t i = 0; i < kPrefixes; ++i) {
    Address address = *ParseAddress(place.base);
    const auto bytes = static_cast<size_t>(AddressBits(address.family) / 8);
    for (size_t byte = place.fixed; byte < bytes; ++byte)
      address.bytes[byte] = static_cast<uint8_t>(random());
    list.push_back({Masked(address, place.length - 1), place.length});
  }
  std::ranges::sort(list);
  const auto [first, last] = std::ranges::unique(list);
  list.erase(first, last);
  return list;
}

// Nobody's.
Address Behind(const Prefix& prefix) {
  Address address = prefix.address;
  const size_t last = prefix.length - 1u;
  address.bytes[last / 8] |= static_cast<uint8_t>(0x80 >> last % 8);
  return address;
}

TEST(ManyPrefixes, EachStretchIsFound) {
  NEEDS_KERNEL();
  std::mt19937_64 random(7);
  std::vector<std::vector<Prefix>> lists;
  for (const Place& place : kPlaces) lists.push_back(List(place, random));
  const std::vector<std::string> local = {"203.0.113.0/28", "2001:db9::/64"};
  Node node;
  node.name = "n";
  node.interfaces.push_back(MakeInterface(
      "ext", "eth0", local,
      {{.id = "listed", .direction = Direction::kIn, .action = Action::kDeny},
       {.id = "web",
        .direction = Direction::kIn,
        .match = {.to = local, .protocols = {protocol::kTcp}, .ports = {Port(443)}}}}));
  std::vector<Prefix> listed;
  for (const std::vector<Prefix>& list : lists)
    listed.insert(listed.end(), list.begin(), list.end());
  RuleOf(node, "ext", "listed").match.from = AddressSet::Of(std::move(listed));

  auto made = ThreeJudges::Make(node);
  ASSERT_TRUE(made) << made.error().Text();
  ThreeJudges& judges = **made;
  uint64_t time = PM_SECOND;
  const auto expect = [&](const Address& from, const std::string& expected) {
    const wire::Ip to(from.family == Family::kIpv4 ? "203.0.113.1" : "2001:db9::1");
    const wire::Bytes frame =
        FrameBetween(from, to) / wire::Tcp{.destination_port = 443, .flags = wire::kSyn};
    const auto difference = judges.Judge("eth0", Direction::kIn, frame, time += PM_SECOND);
    ASSERT_EQ(difference.value_or(""), "") << ToString(from);
    ASSERT_EQ(Describe(judges.last()), expected) << ToString(from);
  };
  for (const std::vector<Prefix>& list : lists) {
    for (size_t i = 0; i < kPackets; ++i) {
      // The first and the last, and others anywhere.
      const size_t at = i == 0 ? 0 : i == 1 ? list.size() - 1 : random() % list.size();
      ASSERT_NO_FATAL_FAILURE(expect(list[at].address, "drop rule listed"));
      ASSERT_NO_FATAL_FAILURE(expect(Behind(list[at]), "pass rule web"));
    }
  }
  EXPECT_EQ(judges.CompareCounters().value_or(""), "");
}

}  // namespace
}  // namespace portmatrix
