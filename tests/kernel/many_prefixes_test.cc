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

// More than 6^7 stretches in one half of the tree, hosts and what lies between them: eight levels.
constexpr size_t kHosts = 150'000;
constexpr size_t kPackets = 2'000;

// Hosts at random, no two of which touch.
std::vector<Prefix> List(Family family, std::mt19937_64& random) {
  std::vector<Prefix> list;
  const Address base = family == Family::kIpv4 ? *ParseAddress("11.0.0.0")
                                               : *ParseAddress("2001:db8::");
  const size_t fixed = family == Family::kIpv4 ? 1 : 4;
  const size_t bytes = family == Family::kIpv4 ? 4 : 16;
  for (size_t i = 0; i < kHosts; ++i) {
    Address address = base;
    for (size_t byte = fixed; byte < bytes; ++byte)
      address.bytes[byte] = static_cast<uint8_t>(random());
    // Even, so that the next one is nobody's.
    address.bytes[bytes - 1] &= 0xfe;
    list.push_back(HostPrefix(address));
  }
  std::ranges::sort(list);
  const auto [first, last] = std::ranges::unique(list);
  list.erase(first, last);
  return list;
}

Address Next(Address address) {
  address.bytes[address.family == Family::kIpv4 ? 3 : 15] |= 1;
  return address;
}

TEST(ManyPrefixes, EachStretchIsFound) {
  NEEDS_KERNEL();
  std::mt19937_64 random(7);
  const std::vector<Prefix> ipv4 = List(Family::kIpv4, random), ipv6 = List(Family::kIpv6, random);
  const std::vector<std::string> local = {"203.0.113.0/28", "2001:db9::/64"};
  Node node;
  node.name = "n";
  node.interfaces.push_back(MakeInterface(
      "ext", "eth0", local,
      {{.id = "listed", .direction = Direction::kIn, .action = Action::kDeny},
       {.id = "web",
        .direction = Direction::kIn,
        .match = {.to = local, .protocols = {protocol::kTcp}, .ports = {Port(443)}}}}));
  AddressSet& listed = RuleOf(node, "ext", "listed").match.from;
  listed.any = false;
  listed.prefixes = ipv4;
  listed.prefixes.insert(listed.prefixes.end(), ipv6.begin(), ipv6.end());

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
  for (const std::vector<Prefix>& list : {ipv4, ipv6}) {
    for (size_t i = 0; i < kPackets; ++i) {
      // The first and the last, and others anywhere.
      const size_t at = i == 0 ? 0 : i == 1 ? list.size() - 1 : random() % list.size();
      ASSERT_NO_FATAL_FAILURE(expect(list[at].address, "drop rule listed"));
      ASSERT_NO_FATAL_FAILURE(expect(Next(list[at].address), "pass rule web"));
    }
  }
  EXPECT_EQ(judges.CompareCounters().value_or(""), "");
}

}  // namespace
}  // namespace portmatrix
