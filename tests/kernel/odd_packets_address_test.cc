// SPDX-License-Identifier: Apache-2.0
// Addresses that nobody outside can have, land packets, multicast and broadcast.
#include "tests/kernel/odd_packets.h"
#include "tests/support/edge_node.h"

namespace portmatrix {
namespace {

using wire::Ethernet;
using wire::Stack;
using wire::Zeros;

constexpr Direction kIn = Direction::kIn;
constexpr Direction kOut = Direction::kOut;
constexpr const char* kSpoofed = "drop spoofed";
constexpr const char* kDefault = "drop default";

struct Pair {
  const char* name;
  const char* source;
  const char* destination;
  const char* in;
  const char* out;
};

// HTTPS' opening packet from one to the other. Sent packets are judged by the rules alone.
const Pair kPairs[] = {
    {"Land", "203.0.113.11", "203.0.113.11", kSpoofed, "pass rule https-out"},
    {"LandOfAStranger", "198.51.100.7", "198.51.100.7", kSpoofed, kDefault},
    {"OwnSource", "203.0.113.12", "203.0.113.11", kSpoofed, "pass rule https-out"},
    {"JustOutsideLocal", "203.0.113.16", "203.0.113.11", "pass rule web", kDefault},
    {"LoopbackSource", "127.0.0.1", "203.0.113.11", kSpoofed, kDefault},
    {"LastLoopbackSource", "127.255.255.255", "203.0.113.11", kSpoofed, kDefault},
    {"BehindLoopback", "128.0.0.0", "203.0.113.11", "pass rule web", kDefault},
    {"LoopbackDestination", "198.51.100.7", "127.0.0.1", kDefault, kDefault},
    {"MulticastSource", "224.0.0.1", "203.0.113.11", kSpoofed, kDefault},
    {"LastMulticastSource", "239.255.255.255", "203.0.113.11", kSpoofed, kDefault},
    {"BeforeMulticast", "223.255.255.255", "203.0.113.11", "pass rule web", kDefault},
    {"ReservedSource", "240.0.0.1", "203.0.113.11", "pass rule web", kDefault},
    {"BroadcastSource", "255.255.255.255", "203.0.113.11", kSpoofed, kDefault},
    {"BelowBroadcast", "255.255.255.254", "203.0.113.11", "pass rule web", kDefault},
    {"UnspecifiedSource", "0.0.0.0", "203.0.113.11", "pass rule web", kDefault},
    {"UnspecifiedBoth", "0.0.0.0", "0.0.0.0", kSpoofed, kDefault},
    {"Broadcast", "198.51.100.7", "255.255.255.255", kDefault, kDefault},
    {"BroadcastOfTheHost", "203.0.113.11", "255.255.255.255", kSpoofed, "pass rule https-out"},
    {"SubnetBroadcast", "198.51.100.7", "203.0.113.15", "pass rule web", kDefault},
    {"SubnetAddress", "198.51.100.7", "203.0.113.0", "pass rule web", kDefault},
    {"Multicast", "198.51.100.7", "224.0.0.251", kDefault, kDefault},
    {"MulticastOfTheHost", "203.0.113.11", "224.0.0.251", kSpoofed, "pass rule https-out"},

    {"Land6", "2001:db8::11", "2001:db8::11", kSpoofed, "pass rule https-out"},
    {"LandOfAStranger6", "2001:db8:7::7", "2001:db8:7::7", kSpoofed, kDefault},
    {"OwnSource6", "2001:db8::12", "2001:db8::11", kSpoofed, "pass rule https-out"},
    {"JustOutsideLocal6", "2001:db8:0:1::", "2001:db8::11", "pass rule web", kDefault},
    {"LoopbackSource6", "::1", "2001:db8::11", kSpoofed, kDefault},
    {"BehindLoopback6", "::2", "2001:db8::11", "pass rule web", kDefault},
    {"UnspecifiedSource6", "::", "2001:db8::11", "pass rule web", kDefault},
    {"LoopbackDestination6", "2001:db8:7::7", "::1", kDefault, kDefault},
    {"MulticastSource6", "ff02::1", "2001:db8::11", kSpoofed, kDefault},
    {"FirstMulticastSource6", "ff00::", "2001:db8::11", kSpoofed, kDefault},
    {"BeforeMulticast6", "feff::1", "2001:db8::11", "pass rule web", kDefault},
    {"LinkLocalSource", "fe80::1", "2001:db8::11", "pass rule web", kDefault},
    // Their IPv4 names do not count: these are IPv6 addresses of nobody.
    {"MappedLoopback", "::ffff:127.0.0.1", "2001:db8::11", "pass rule web", kDefault},
    {"Multicast6", "2001:db8:7::7", "ff02::fb", kDefault, kDefault},
    {"MulticastOfTheHost6", "2001:db8::11", "ff02::fb", kSpoofed, "pass rule https-out"},
};

std::vector<Story> Pairs(Direction direction) {
  std::vector<Row> rows;
  for (const Pair& pair : kPairs)
    rows.push_back({pair.name, direction, FrameBetween(pair.source, pair.destination) / Https(),
                    direction == kIn ? pair.in : pair.out});
  return Stories(rows);
}

Stack Membership(const char* source, const char* destination, uint8_t hop_limit) {
  return Ethernet{} /
         wire::Ipv4{.source = source, .destination = destination, .hop_limit = hop_limit} /
         Zeros(8, 2);
}

Stack Listener(const char* source, uint8_t type, uint8_t hop_limit) {
  return Ethernet{} /
         wire::Ipv6{.source = source, .destination = "ff02::16", .hop_limit = hop_limit} /
         wire::Extension{.kind = 0, .content = {5, 2, 0, 0, 1, 0}} / wire::Icmpv6{.type = type} /
         Zeros(16);
}

// What makes multicast work, and what only looks like it.
std::vector<Story> Groups() {
  std::vector<Row> rows;
  const auto both = [&](const char* name, const Stack& packet, const char* in, const char* out) {
    rows.push_back({name, kIn, packet, in});
    rows.push_back({name, kOut, packet, out});
  };
  const char* const kNeighbour = "pass neighbour";
  both("Igmp", Membership("198.51.100.7", "224.0.0.22", 1), kNeighbour, kNeighbour);
  both("IgmpOfAnUnnamedHost", Membership("0.0.0.0", "224.0.0.1", 1), kNeighbour, kNeighbour);
  both("IgmpFromAfar", Membership("198.51.100.7", "224.0.0.22", 2), kDefault, kDefault);
  both("IgmpToAHost", Membership("198.51.100.7", "203.0.113.11", 1), kDefault, kDefault);
  both("IgmpToTheReserved", Membership("198.51.100.7", "240.0.0.1", 1), kDefault, kDefault);
  // Neighbours come before spoofing: the host hears its own reports.
  both("IgmpOfTheHost", Membership("203.0.113.11", "224.0.0.22", 1), kNeighbour, kNeighbour);
  for (const uint8_t type : {uint8_t{130}, uint8_t{131}, uint8_t{132}, uint8_t{143}}) {
    both("Listener", Listener("fe80::1", type, 1), kNeighbour, kNeighbour);
    both("ListenerOfAnUnnamedHost", Listener("::", type, 1), kNeighbour, kNeighbour);
    both("LastLinkLocalListener", Listener("febf::1", type, 1), kNeighbour, kNeighbour);
    both("ListenerBehindLinkLocal", Listener("fec0::1", type, 1), kDefault, kDefault);
    both("ListenerFromAfar", Listener("fe80::1", type, 2), kDefault, kDefault);
    both("ListenerOfAGlobalAddress", Listener("2001:db8:7::7", type, 1), kDefault, kDefault);
  }
  return Stories(rows);
}

class OddAddress : public OddPackets {};

TEST_F(OddAddress, Received) { Expect(Pairs(kIn)); }
TEST_F(OddAddress, Sent) { Expect(Pairs(kOut)); }
TEST_F(OddAddress, Groups) { Expect(Groups()); }

}  // namespace
}  // namespace portmatrix
