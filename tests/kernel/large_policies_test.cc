// SPDX-License-Identifier: Apache-2.0
// Policies of eight thousand rules before three judges: tables beyond the front, several matchers,
// deep trees. Zones hold networks and those hold hosts, as in the classification literature
// (ClassBench, Taylor and Turner 2007).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/kernel/privilege.h"
#include "tests/kernel/three_judges.h"
#include "tests/support/random_frame.h"
#include "tests/support/node_builder.h"
#include "tests/support/random.h"
#include "tests/support/random_policy.h"

namespace portmatrix {
namespace {

constexpr size_t kRules = 8'000;
constexpr int kPackets = 2'000;

// How often a side is any, a zone, a network, else a host; how often ports are any, a range, else
// one. Of a hundred.
struct Style {
  const char* name;
  uint32_t from[3], to[3], ports[2];
  uint64_t seed;
};

class Places {
 public:
  Places(Family family, const char* base, Random& random) : random_(random) {
    const bool ipv4 = family == Family::kIpv4;
    const Prefix all{*ParseAddress(base), static_cast<uint8_t>(ipv4 ? 8 : 32)};
    for (size_t i = 0; i < kRules / 100; ++i) zones_.push_back(Inside(all, ipv4 ? 18 : 48));
    for (size_t i = 0; i < kRules / 8; ++i)
      networks_.push_back(Inside(random.From(zones_), ipv4 ? 22 + random.Below(7) : 52 + random.Below(13)));
    for (size_t i = 0; i < kRules / 3; ++i)
      hosts_.push_back(Inside(random.From(networks_), ipv4 ? 32 : 128));
  }

  AddressSet Pick(const uint32_t (&often)[3]) {
    const uint64_t drawn = random_.Below(100);
    if (drawn < often[0]) return AddressSet::Any();
    if (drawn < often[0] + often[1]) return AddressSet::Of({random_.From(zones_)});
    if (drawn < often[0] + often[1] + often[2]) return AddressSet::Of({random_.From(networks_)});
    return AddressSet::Of({random_.From(hosts_)});
  }

 private:
  Prefix Inside(const Prefix& outer, uint64_t length) {
    Address address = outer.address;
    for (size_t bit = outer.length; bit < length; ++bit)
      if (random_.Below(2) != 0) address.bytes[bit / 8] |= static_cast<uint8_t>(0x80 >> bit % 8);
    return {address, static_cast<uint8_t>(length)};
  }

  Random& random_;
  std::vector<Prefix> zones_, networks_, hosts_;
};

Node LargeNode(const Style& style, Random& random) {
  Places outside4(Family::kIpv4, "100.0.0.0", random), inside4(Family::kIpv4, "10.0.0.0", random);
  Places outside6(Family::kIpv6, "2001:db8::", random), inside6(Family::kIpv6, "2001:db9::", random);
  Node node;
  node.name = "n";
  node.interfaces.push_back(MakeInterface("ext", "eth0", {"10.0.0.0/8", "2001:db9::/32"}, {}));
  for (size_t i = 0; i < kRules; ++i) {
    const bool ipv4 = random.Below(2) == 0, in = random.Below(4) != 0;
    AddressSet from = (ipv4 ? outside4 : outside6).Pick(style.from);
    AddressSet to = (ipv4 ? inside4 : inside6).Pick(style.to);
    Rule rule = MakeRule("ext", {.id = fmt::format("r{}", i),
                                 .direction = in ? Direction::kIn : Direction::kOut,
                                 .action = random.Percent(30) ? Action::kDeny : Action::kAllow});
    if (!in) std::swap(from, to);
    rule.match.from = std::move(from);
    rule.match.to = std::move(to);
    rule.match.any_protocol = false;
    rule.match.protocols = {static_cast<uint8_t>(random.Percent(70) ? 6 : 17)};
    const uint64_t drawn = random.Below(100);
    const auto first = static_cast<uint16_t>(20 + random.Below(400));
    if (drawn >= style.ports[0])
      rule.match.ports = {{first, static_cast<uint16_t>(
                                      drawn < style.ports[0] + style.ports[1] ? first + random.Below(9000) : first)}};
    node.interfaces[0].rules.push_back(std::move(rule));
  }
  return node;
}

class LargePolicies : public testing::TestWithParam<Style> {};

TEST_P(LargePolicies, ThreeJudgesAgree) {
  NEEDS_KERNEL();
  Random random(GetParam().seed);
  Node node = LargeNode(GetParam(), random);
  auto judges = ThreeJudges::Make(node);
  ASSERT_TRUE(judges.ok()) << judges.error().Text();
  FrameGenerator generator(node, GetParam().seed);
  size_t by_rule = 0;
  for (int i = 0; i < 2 * kPackets; ++i) {
    if (i == kPackets) {
      node = Mutate(node, random);
      auto changed = (*judges)->Change(node);
      ASSERT_TRUE(changed.ok()) << changed.error().Text();
      generator.Retarget(node);
    }
    const GeneratedFrame frame = generator.Next();
    constexpr uint32_t kSegments = 3;
    const Carriage carriage =
        frame.segmented ? Carriage{.segment_bytes = 1448, .segments = kSegments} : Carriage{};
    const auto difference =
        (*judges)->Judge(frame.device, frame.direction, frame.bytes, frame.time, carriage,
                         frame.segmented ? kSegments : 1);
    ASSERT_FALSE(difference) << *difference << "\npacket " << i;
    by_rule += (*judges)->last().rule != nullptr;
  }
  EXPECT_EQ((*judges)->CompareCounters().value_or(""), "");
  EXPECT_GT(by_rule, kPackets / 10u);
}

INSTANTIATE_TEST_SUITE_P(
    Styles, LargePolicies,
    testing::Values(Style{"AccessList", {30, 20, 30}, {2, 8, 30}, {10, 15}, 1},
                    Style{"Firewall", {50, 20, 20}, {15, 25, 30}, {20, 30}, 2},
                    Style{"PrefixToPrefix", {20, 20, 30}, {20, 20, 30}, {30, 20}, 3}),
    [](const auto& style) { return style.param.name; });

}  // namespace
}  // namespace portmatrix
