// SPDX-License-Identifier: Apache-2.0
// Transport headers, ICMP, addresses and sizes of the capture.
#include <initializer_list>

#include "tests/kernel/odd_capture_rows.h"
#include "tests/kernel/odd_packets.h"
#include "tests/support/edge_node.h"

namespace portmatrix {
namespace {

using wire::Cut;
using wire::Ethernet;
using wire::Ipv4;
using wire::Ipv6;
using wire::Stack;
using wire::Zeros;

constexpr Direction kIn = Direction::kIn;
constexpr Direction kOut = Direction::kOut;
constexpr Family kFamilies[] = {Family::kIpv4, Family::kIpv6};

}  // namespace

void AddTransports(CaptureRows& rows) {
  for (int flags = 0; flags < 256; ++flags) {
    const auto byte = static_cast<uint8_t>(flags);
    const bool opening = (flags & wire::kSyn) != 0 && (flags & wire::kAck) == 0;
    const std::string name = "TCP flags " + std::to_string(flags);
    rows.Transport(name, TcpOf(5, 443, byte), WebPasses(kIn), WebPasses(kOut));
    rows.Transport(name + " to a closed port", TcpOf(5, 24, byte), kDropDefault, kDropDefault);
    rows.Transport(name + " from a service", TcpOf(443, 6, byte), kDropDefault,
                   opening ? kDropDefault : AsReply("web"));
  }
  rows.Transport("TCP to a denied port", TcpOf(5, 23, wire::kSyn), "drop rule external/m/no-telnet",
                 kDropDefault);
  rows.Transport("TCP of 16 bytes", Cut{16} / Https(), kDropMalformed, kDropMalformed);
  rows.Transport(
      "TCP of four words",
      wire::Tcp{.destination_port = 443, .flags = wire::kSyn, .header_words = 4} / Zeros(40),
      kDropMalformed, kDropMalformed);
  rows.Transport("TCP header beyond the end",
                 wire::Tcp{.destination_port = 443, .flags = wire::kSyn, .header_words = 15},
                 kDropMalformed, kDropMalformed);
  for (const uint16_t length : std::initializer_list<uint16_t>{0, 7, 49, 65535})
    rows.Transport("UDP length " + std::to_string(length) + " of 48",
                   wire::Udp{.destination_port = 50000, .length = length} / Zeros(40),
                   kDropMalformed, kDropMalformed);
  for (const uint16_t length : std::initializer_list<uint16_t>{8, 47, 48})
    rows.Transport("UDP length " + std::to_string(length) + " of 48",
                   wire::Udp{.destination_port = 50000, .length = length} / Zeros(40),
                   MediaPasses(kIn), MediaPasses(kOut));
  rows.Transport("SCTP INIT", SctpOf(5, 9, kSctpInit), ByRule("init-in"), kDropDefault);
  rows.Transport("SCTP INIT ACK", SctpOf(9, 5, kSctpInitAck), kDropDefault, AsReply("init-in"));
  rows.Transport("SCTP INIT as an answer", SctpOf(9, 5, kSctpInit), kDropDefault, kDropDefault);
  rows.Transport("SCTP of 8 bytes", Cut{8} / SctpOf(5, 9, kSctpInit), kDropMalformed,
                 kDropMalformed);
  rows.Transport("GRE", Zeros(4, 47), ByRule("gre-in"), AsReply("gre-in"));
}

void AddIcmp(CaptureRows& rows) {
  for (const Family family : kFamilies) {
    const wire::Ip host = HostAddress(family), peer = PeerAddress(family);
    const Stack error = Unreachable(family), query = UdpOf(5, 53), other = UdpOf(6, 53);
    const Stack answer = TcpOf(443, 5, wire::kAck), syn = TcpOf(5, 443, wire::kSyn);
    const std::string ping = family == Family::kIpv4 ? "ping-in" : "ping6-in";
    rows.Add("echo request", kIn, In(family, EchoRequest(family, 9)), ByRule(ping));
    rows.Add("echo reply", kOut, Out(family, EchoReply(family, 9)), AsReply(ping));
    rows.Add("echo reply to nothing", kIn, In(family, EchoReply(family, 9)), kDropDefault);
    rows.Add("error before the query", kIn, ErrorIn(family, query), kDropDefault);
    rows.Add("query", kOut, Out(family, query), ByRule("dns-out"));
    rows.Add("error about it", kIn, ErrorIn(family, query), AsReply("dns-out"));
    rows.Add("error about eight bytes of it", kIn, ErrorIn(family, Cut{8} / query),
             AsReply("dns-out"));
    rows.Add("error about seven bytes of it", kIn, ErrorIn(family, Cut{7} / query), kDropDefault);
    rows.Add("error about another", kIn, ErrorIn(family, other), kDropDefault);
    rows.Add("error about it to a neighbour", kIn,
             FrameBetween(RouterAddress(family),
                          family == Family::kIpv4 ? "203.0.113.12" : "2001:db8::12") /
                 error / Between(host, peer) / query,
             kDropDefault);
    rows.Add("error that is the wrong way round", kIn,
             FrameBetween(RouterAddress(family), host) / error / Between(peer, host) / query,
             kDropDefault);
    rows.Add("error about an error", kIn,
             FrameBetween(RouterAddress(family), host) / error / Between(host, peer) / error /
                 Between(peer, host) / query,
             kDropDefault);
    rows.Add("error about a service's answer", kIn, ErrorIn(family, answer), AsReply("web"));
    rows.Add("error about a client's packet", kOut, ErrorOut(family, syn), AsReply("web"));
    rows.Add("error about a packet that no rule allows", kOut, ErrorOut(family, other),
             kDropDefault);
    rows.Add("its answer", kIn, In(family, UdpOf(53, 5)), AsReply("dns-out"));
    rows.Add("the answer to another", kIn, In(family, UdpOf(53, 6)), kDropDefault);
    rows.Add("failsafe", kIn, FrameBetween(AdminAddress(family), host) / TcpOf(5, 22, wire::kSyn),
             "allow failsafe");
    rows.Add("failsafe's answer", kOut,
             FrameBetween(host, AdminAddress(family)) / TcpOf(22, 5, kSynAck), "allow failsafe");
  }
}

void AddAddresses(CaptureRows& rows) {
  const auto row = [&](const char* name, Direction direction, const char* source,
                       const char* destination, const std::string& expected) {
    rows.Add(name, direction, FrameBetween(source, destination) / Https(), expected);
  };
  const std::string spoofed = "drop spoofed";
  row("land", kIn, "203.0.113.11", "203.0.113.11", spoofed);
  row("land of a stranger", kIn, "198.51.100.7", "198.51.100.7", spoofed);
  row("loopback", kIn, "127.0.0.1", "203.0.113.11", spoofed);
  row("multicast source", kIn, "224.0.0.1", "203.0.113.11", spoofed);
  row("broadcast source", kIn, "255.255.255.255", "203.0.113.11", spoofed);
  row("to multicast", kIn, "198.51.100.7", "224.0.0.251", kDropDefault);
  row("to multicast", kOut, "203.0.113.11", "224.0.0.251", WebPasses(kOut));
  row("to broadcast", kIn, "198.51.100.7", "255.255.255.255", kDropDefault);
  row("to broadcast", kOut, "203.0.113.11", "255.255.255.255", WebPasses(kOut));
  row("to the network's broadcast", kIn, "198.51.100.7", "203.0.113.15", WebPasses(kIn));
  row("land", kIn, "2001:db8::11", "2001:db8::11", spoofed);
  row("loopback", kIn, "::1", "2001:db8::11", spoofed);
  row("multicast source", kIn, "ff02::1", "2001:db8::11", spoofed);
  row("to multicast", kIn, "2001:db8:7::7", "ff02::fb", kDropDefault);
  row("to multicast", kOut, "2001:db8::11", "ff02::fb", WebPasses(kOut));
  rows.Add("group membership", kIn,
           Ethernet{} /
               Ipv4{.source = "198.51.100.7", .destination = "224.0.0.22", .hop_limit = 1} /
               Zeros(8, 2),
           "allow neighbour");
  rows.Add("neighbour solicitation", kIn,
           Ethernet{} / Ipv6{.source = "fe80::7", .destination = "2001:db8::11", .hop_limit = 255} /
               wire::Icmpv6{.type = 135} / Zeros(16),
           "allow neighbour");
}

void AddSizes(CaptureRows& rows) {
  for (const size_t bytes : {size_t{8900}, size_t{60000}}) {
    const std::string name = std::to_string(bytes) + " bytes";
    rows.Transport(name, TcpOf(5, 443, wire::kAck) / Zeros(bytes), WebPasses(kIn), WebPasses(kOut));
    rows.Transport(name + " to a closed port", TcpOf(5, 24, wire::kAck) / Zeros(bytes),
                   kDropDefault, kDropDefault);
  }
  rows.Add("header of Ethernet alone", kIn, Cut{14} / In(Family::kIpv4, Https()), kDropMalformed);
  rows.Add("less than Ethernet", kIn, Cut{13} / In(Family::kIpv4, Https()), kDropMalformed);
}

}  // namespace portmatrix
