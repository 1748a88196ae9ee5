// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/packet_seeds.h"

#include <utility>

#include "agent/policy/protocol.h"
#include "tests/support/packet_builder.h"

namespace portmatrix {
namespace {

using namespace wire;

constexpr uint8_t kSegmented = 1, kTagBeside = 2;  // the first byte's bits

Stack Over4(const Stack& inner) {
  return Ethernet{} / Ipv4{.source = "198.51.100.7", .destination = "203.0.113.11"} / inner;
}
Stack Over6(const Stack& inner) {
  return Ethernet{} / Ipv6{.source = "2001:db8:7::7", .destination = "2001:db8::11"} / inner;
}
Stack Extensions(size_t count) {
  Stack chain;
  for (size_t i = 0; i < count; ++i) {
    chain.Add(Extension{.kind = i == 0 ? protocol::kHopByHop : protocol::kDestinationOptions});
  }
  return chain;
}

const Stack kSegment = Tcp{.destination_port = 443, .flags = kSyn};
const Stack kDatagram = Udp{.destination_port = 53} / Zeros(12);
const Stack kEmbedded4 = Ipv4{.source = "203.0.113.11", .destination = "198.51.100.7"} / kDatagram;
const Stack kEmbedded6 = Ipv6{.source = "2001:db8::11", .destination = "2001:db8:7::7"} / kDatagram;

std::vector<std::pair<const char*, Stack>> LinkFrames() {
  return {
      {"arp", Ethernet{.ethertype = ethertype::kArp} / Zeros(28)},
      {"length-of-802.3", Ethernet{.ethertype = 60} / Zeros(60)},
      {"cut-inside-ethernet", Cut{13} / Over4(kSegment)},
      {"one-tag", Ethernet{} / Vlan{.id = 100} / Ipv4{} / kSegment},
      {"priority-tag", Ethernet{} / Vlan{.priority = 5} / Ipv6{} / kSegment},
      {"two-tags", Ethernet{} / Vlan{.id = 5, .tpid = ethertype::kServiceVlan} / Vlan{.id = 6} /
                       Ipv4{} / kSegment},
      {"three-tags", Ethernet{} / Vlan{.id = 1} / Vlan{.id = 2} / Vlan{.id = 3} / Ipv4{}},
      {"cut-inside-a-tag", Cut{17} / (Ethernet{} / Vlan{.id = 100} / Ipv4{})},
  };
}

std::vector<std::pair<const char*, Stack>> Ipv4Frames() {
  const Stack first = Ipv4{.identification = 7, .more_fragments = true};
  return {
      {"tcp", Over4(kSegment)},
      {"tcp-options", Over4(Tcp{.destination_port = 443, .options = Bytes(20, 1)})},
      {"udp", Over4(kDatagram)},
      {"udp-length-beyond", Over4(Udp{.length = 99})},
      {"sctp-init", Over4(Sctp{.destination_port = 9, .chunk = 1})},
      {"sctp-without-chunk", Over4(Sctp{.destination_port = 9})},
      {"echo-request", Over4(Icmp{.type = 8, .identifier = 5})},
      {"echo-reply", Over4(Icmp{.type = 0, .identifier = 5})},
      {"timestamp", Over4(Icmp{.type = 13})},
      {"gre", Over4(Zeros(16, 47))},
      {"authentication", Over4(Authentication{} / kSegment)},
      {"icmpv6-over-ipv4", Over4(Icmpv6{})},
      {"options",
       Ethernet{} / Ipv4{.options = {1, 7, 7, 4, 0, 0, 0, 0, 148, 4, 0, 0, 0}} / kSegment},
      {"source-route", Ethernet{} / Ipv4{.options = {131, 7, 4, 10, 0, 0, 1}} / kSegment},
      {"longest-header", Ethernet{} / Ipv4{.options = Bytes(40, 1)} / kSegment},
      {"trailing-bytes", Ethernet{} / Ipv4{.total_length = 40} / kSegment / Zeros(6)},
      {"total-length-beyond", Ethernet{} / Ipv4{.total_length = 999} / kSegment},
      {"first-fragment", Ethernet{} / first / kSegment / Zeros(4)},
      {"later-fragment",
       Ethernet{} / Ipv4{.identification = 7, .fragment_offset = 1480, .protocol = 6} / Zeros(8)},
      {"fragment-beyond-the-largest",
       Ethernet{} / Ipv4{.more_fragments = true, .fragment_offset = 65528} / Zeros(8, 17)},
      {"error", Over4(Icmp{.type = 3, .code = 3} / kEmbedded4)},
      {"error-cut", Over4(Icmp{.type = 11} / (Cut{28} / kEmbedded4))},
      {"error-about-options", Over4(Icmp{.type = 12} / Ipv4{.options = {1, 1, 1, 1}} / kDatagram)},
      {"error-about-echo", Over4(Icmp{.type = 3} / Ipv4{} / Icmp{.type = 8, .identifier = 6})},
      {"error-about-fragment", Over4(Icmp{.type = 3} / Ipv4{.fragment_offset = 8} / kDatagram)},
      {"error-about-error", Over4(Icmp{.type = 3} / Ipv4{} / Icmp{.type = 3} / kEmbedded4)},
  };
}

std::vector<std::pair<const char*, Stack>> Ipv6Frames() {
  return {
      {"tcp-ipv6", Over6(kSegment)},
      {"udp-ipv6", Over6(kDatagram)},
      {"echo-request-ipv6", Over6(Icmpv6{.type = 128, .identifier = 5})},
      {"neighbour-solicitation",
       Ethernet{} / Ipv6{.hop_limit = 255} / Icmpv6{.type = 135} / Zeros(20)},
      {"listener-report", Ethernet{} / Ipv6{.source = "fe80::1", .hop_limit = 1} / Extensions(1) /
                              Icmpv6{.type = 143}},
      {"eight-extensions", Over6(Extensions(8) / kSegment)},
      {"nine-extensions", Over6(Extensions(9) / kSegment)},
      {"long-extension", Over6(Extension{.content = Bytes(500, 1)} / kSegment)},
      {"routing", Over6(Routing{.content_bytes = 20} / kSegment)},
      {"routing-type-0", Over6(Routing{.type = 0} / kSegment)},
      {"routing-unfinished", Over6(Routing{.segments_left = 1} / kSegment)},
      {"authentication-ipv6", Over6(Authentication{} / kSegment)},
      {"mobility-hip-shim6",
       Over6(Extension{.kind = protocol::kMobility} / Extension{.kind = protocol::kHostIdentity} /
             Extension{.kind = protocol::kShim6} / kSegment)},
      {"esp", Over6(Zeros(20, protocol::kEsp))},
      {"no-next-header", Over6(Zeros(8))},
      {"icmp-over-ipv6", Over6(Icmp{})},
      {"atomic-fragment", Over6(FragmentHeader{.identification = 7} / kSegment)},
      {"first-fragment-ipv6",
       Over6(Extensions(1) / FragmentHeader{.identification = 7, .more = true} / Extension{} /
             kSegment / Zeros(4))},
      {"later-fragment-ipv6",
       Over6(FragmentHeader{.identification = 7, .offset = 1480, .next_header = 6} / Zeros(8))},
      {"two-fragment-headers", Over6(FragmentHeader{} / FragmentHeader{} / kSegment)},
      {"payload-length-0", Ethernet{} / Ipv6{.payload_length = 0} / Extensions(1) / kSegment},
      {"error-ipv6", Over6(Icmpv6{.type = 1} / kEmbedded6)},
      {"error-ipv6-about-extensions", Over6(Icmpv6{.type = 2} / Ipv6{} / Extension{} / Routing{} /
                                            FragmentHeader{.more = true} / kDatagram)},
      {"error-ipv6-cut", Over6(Icmpv6{.type = 4} / (Cut{48} / kEmbedded6))},
  };
}

PacketSeed Seed(const std::string& name, const Stack& frame, Bytes before) {
  const Bytes bytes = frame;
  before.insert(before.end(), bytes.begin(), bytes.end());
  return {name, std::move(before)};
}

}  // namespace

std::vector<PacketSeed> PacketSeeds() {
  std::vector<PacketSeed> seeds;
  for (const auto& rows : {LinkFrames(), Ipv4Frames(), Ipv6Frames()}) {
    for (const auto& [name, frame] : rows) seeds.push_back(Seed(name, frame, {0}));
  }
  const Stack super4 = Ethernet{} / Ipv4{.total_length = 0} / kSegment / Zeros(100);
  const Stack super6 =
      Ethernet{} / Ipv6{.payload_length = 0} / Extensions(1) / Udp{.length = 0} / Zeros(100);
  seeds.push_back(Seed("super-packet", super4, {kSegmented}));
  seeds.push_back(Seed("super-packet-ipv6", super6, {kSegmented}));
  seeds.push_back(Seed("tag-beside", Over4(kSegment), {kTagBeside, 0x00, 0x64}));
  seeds.push_back(Seed("tag-beside-and-tag", Ethernet{} / Vlan{.id = 6} / Ipv6{} / kDatagram,
                       {kTagBeside | kSegmented, 0xa0, 0x05}));
  return seeds;
}

}  // namespace portmatrix
