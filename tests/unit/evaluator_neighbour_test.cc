// SPDX-License-Identifier: Apache-2.0
// Steps 1 and 2 of judging: what a network needs to work passes in both directions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/policy/evaluator.h"
#include "tests/support/edge_node.h"
#include "tests/support/node_builder.h"

namespace portmatrix {
namespace {

using wire::Ethernet;
using wire::FragmentHeader;
using wire::Icmpv6;
using wire::Ipv4;
using wire::Ipv6;
using wire::Stack;
using wire::Tcp;
using wire::Udp;
using wire::Zeros;

constexpr Direction kIn = Direction::kIn;
constexpr Direction kOut = Direction::kOut;

Stack Discovery(uint8_t type, uint8_t hop_limit, uint8_t code = 0) {
  return Ethernet{} /
         Ipv6{.source = "2001:db8:7::7", .destination = "ff02::1", .hop_limit = hop_limit} /
         Icmpv6{.type = type, .code = code} / Zeros(16);
}

Stack Listener(uint8_t type, const char* source, uint8_t hop_limit) {
  return Ethernet{} / Ipv6{.source = source, .destination = "ff02::16", .hop_limit = hop_limit} /
         wire::Extension{.kind = protocol::kHopByHop} / Icmpv6{.type = type, .code = 9} / Zeros(8);
}

Stack Igmp(const char* destination, uint8_t hop_limit) {
  return Ethernet{} /
         Ipv4{.source = "198.51.100.7", .destination = destination, .hop_limit = hop_limit} /
         Zeros(8, protocol::kIgmp);
}

std::vector<Story> NeighbourStories() {
  const Ipv6 local = {.source = "fe80::1", .destination = "ff02::1", .hop_limit = 255};
  const Stack fragment =
      Ethernet{} / local / FragmentHeader{.more = true} / Icmpv6{.type = 135} / Zeros(16);
  const Stack atomic = Ethernet{} / local / FragmentHeader{} / Icmpv6{.type = 135} / Zeros(16);
  std::vector<Story> stories;
  for (const Direction direction : {kIn, kOut}) {
    const std::string way = direction == kIn ? "In" : "Out";
    const auto row = [&](const std::string& name, const Stack& frame, bool passes) {
      stories.push_back(
          OnePacket(name + way, direction, frame, passes ? "pass neighbour" : "drop default"));
    };
    row("RouterSolicitation", Discovery(133, 255), true);
    row("RouterAdvertisementPassesOnlyIn", Discovery(134, 255), direction == kIn);
    row("NeighbourSolicitation", Discovery(135, 255), true);
    row("NeighbourAdvertisement", Discovery(136, 255), true);
    row("RedirectIsNone", Discovery(137, 255), false);
    row("ForwardedSolicitation", Discovery(135, 254), false);
    row("SolicitationWithACode", Discovery(135, 255, 1), false);
    row("FragmentedSolicitation", fragment, false);
    row("AtomicSolicitation", atomic, true);
    row("ListenerQueryFromLinkLocal", Listener(130, "fe80::1", 1), true);
    row("ListenerReportFromUnspecified", Listener(131, "::", 1), true);
    row("ListenerDoneFromTheLastLinkLocal", Listener(132, "febf::1", 1), true);
    row("ListenerReportVersionTwo", Listener(143, "::", 1), true);
    row("ListenerReportFromBeyondLinkLocal", Listener(143, "fec0::1", 1), false);
    row("ListenerReportFromAnywhere", Listener(143, "2001:db8:7::7", 1), false);
    row("ForwardedListenerReport", Listener(143, "fe80::1", 2), false);
    row("OtherTypeWithHopLimitOne", Listener(142, "fe80::1", 1), false);
    row("IgmpToTheFirstGroup", Igmp("224.0.0.0", 1), true);
    row("IgmpToTheLastGroup", Igmp("239.255.255.255", 1), true);
    row("IgmpToNoGroup", Igmp("223.255.255.255", 1), false);
    row("IgmpBeyondTheGroups", Igmp("240.0.0.0", 1), false);
    row("ForwardedIgmp", Igmp("224.0.0.22", 2), false);
  }
  stories.push_back(OnePacket(
      "NeighbourComesBeforeSpoofed", kIn,
      Ethernet{} / Ipv6{.source = "2001:db8::11", .destination = "ff02::1", .hop_limit = 255} /
          Icmpv6{.type = 135} / Zeros(16),
      "pass neighbour"));
  stories.push_back(
      OnePacket("Ipv6ProtocolTwoIsNoIgmp", kIn,
                Ethernet{} / Ipv6{.source = "fe80::1", .destination = "ff02::1", .hop_limit = 1} /
                    Zeros(8, protocol::kIgmp),
                "drop default"));
  return stories;
}

class NeighbourTest : public testing::TestWithParam<Story> {};

TEST_P(NeighbourTest, IsJudged) {
  EXPECT_THAT(Tell(EdgeNode(), GetParam().steps), testing::IsEmpty());
}

const auto kName = [](const auto& instance) { return instance.param.name; };
INSTANTIATE_TEST_SUITE_P(Rows, NeighbourTest, testing::ValuesIn(NeighbourStories()), kName);

TEST(Neighbour, RouterAdvertisementsDropWhereThePolicySaysSo) {
  Node node = EdgeNode();
  node.interfaces[0].router_advertisements = false;
  EXPECT_THAT(Tell(node, {{.packet = Discovery(134, 255), .expected = "drop default"},
                          {.packet = Discovery(135, 255), .expected = "pass neighbour"}}),
              testing::IsEmpty());
}

Stack Datagram(Family family, uint16_t source_port, uint16_t destination_port) {
  return In(family, Udp{.source_port = source_port, .destination_port = destination_port});
}

TEST(Dhcp, ClientsExchangePasses) {
  Node node = EdgeNode();
  node.interfaces[0].dhcp_client = true;
  const auto row = [](Direction direction, Family family, uint16_t from, uint16_t to,
                      const char* expected) {
    return Step{.direction = direction, .packet = Datagram(family, from, to), .expected = expected};
  };
  const std::vector<Step> steps = {
      row(kIn, Family::kIpv4, 67, 68, "pass dhcp"),
      row(kOut, Family::kIpv4, 68, 67, "pass dhcp"),
      row(kIn, Family::kIpv4, 68, 67, "drop default"),
      row(kOut, Family::kIpv4, 67, 68, "drop default"),
      row(kIn, Family::kIpv4, 67, 69, "drop default"),
      row(kIn, Family::kIpv4, 66, 68, "drop default"),
      row(kIn, Family::kIpv6, 547, 546, "pass dhcp"),
      row(kOut, Family::kIpv6, 546, 547, "pass dhcp"),
      row(kIn, Family::kIpv6, 546, 547, "drop default"),
      row(kOut, Family::kIpv6, 547, 546, "drop default"),
      row(kIn, Family::kIpv4, 547, 546, "drop default"),
      row(kIn, Family::kIpv6, 67, 68, "drop default"),
      {.packet = In(Family::kIpv4, Tcp{.source_port = 67, .destination_port = 68}),
       .expected = "drop default"},
      // The offer's source may be anything, even the client's own address.
      {.packet = FrameBetween("203.0.113.1", "255.255.255.255") /
                 Udp{.source_port = 67, .destination_port = 68},
       .expected = "pass dhcp"},
  };
  EXPECT_THAT(Tell(node, steps), testing::IsEmpty());
}

TEST(Dhcp, IsNothingSpecialWhereThePolicySaysNothing) {
  EXPECT_THAT(
      Tell(EdgeNode(), {{.packet = Datagram(Family::kIpv4, 67, 68), .expected = "drop default"}}),
      testing::IsEmpty());
}

}  // namespace
}  // namespace portmatrix
