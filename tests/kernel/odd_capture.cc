// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/odd_capture.h"

#include <algorithm>

#include "tests/kernel/odd_packets.h"
#include "tests/support/edge_node.h"

namespace portmatrix {

const char* const kOddCapturePolicy = R"(matrix: m
rules:
  - {id: web, from: any, to: host, protocol: tcp, ports: 443}
  - {id: no-telnet, from: any, to: host, protocol: tcp, ports: 23, action: deny}
  - {id: media-in, from: any, to: host, protocol: udp, ports: 50000-59999}
  - {id: ping-in, from: any, to: host, protocol: icmp, icmp_type: 8}
  - {id: ping6-in, from: any, to: host, protocol: icmpv6, icmp_type: 128}
  - {id: gre-in, from: any, to: host, protocol: 47}
  - {id: init-in, from: any, to: host, protocol: sctp, ports: 9}
  - {id: https-out, from: host, to: any, protocol: tcp, ports: 443}
  - {id: dns-out, from: host, to: any, protocol: udp, ports: 53}
  - {id: media-out, from: host, to: any, protocol: udp, ports: 50000-59999}
  - {id: sctp-out, from: host, to: any, protocol: sctp, ports: 7}
  - {id: esp-out, from: host, to: any, protocol: 50}
---
matrix: tagged
rules:
  - {id: web, from: any, to: host, protocol: tcp, ports: 443}
---
node: edge
sets: {host: [203.0.113.0/28, "2001:db8::/64"]}
failsafe:
  - {protocol: tcp, ports: 22, from: [192.0.2.0/28, "2001:db8:f00d::/48"]}
interfaces:
  external: {device: eth0, local: [host], matrices: [m], shared_local: true}
  customer: {device: eth0, vlan: 5, local: [host], matrices: [tagged], shared_local: true}
  stacked: {device: eth0, vlan: [5, 6], local: [host], matrices: [tagged], shared_local: true}
)";

namespace {

using wire::Bytes;
using wire::Cut;
using wire::Ethernet;
using wire::Extension;
using wire::FragmentHeader;
using wire::Ipv4;
using wire::Ipv6;
using wire::Stack;
using wire::Vlan;
using wire::Zeros;

constexpr Direction kIn = Direction::kIn;
constexpr Direction kOut = Direction::kOut;
constexpr Direction kDirections[] = {kIn, kOut};
constexpr Family kFamilies[] = {Family::kIpv4, Family::kIpv6};

const std::string kMalformed = "drop malformed";
const std::string kDefault = "drop default";

std::string Rule(const std::string& id) { return "allow rule external/m/" + id; }
std::string Reply(const std::string& id) { return "allow reply external/m/" + id; }
std::string Web(Direction direction) { return Rule(direction == kIn ? "web" : "https-out"); }
std::string Media(Direction direction) { return Rule(direction == kIn ? "media-in" : "media-out"); }

class Rows {
 public:
  void Add(const std::string& name, Direction direction, const Stack& packet,
           const std::string& expected) {
    const std::string way = ToString(direction);
    rows_.push_back({name + ", " + way, packet, way + " " + expected});
  }
  // Behind an IP header of both directions and families.
  void Transport(const std::string& name, const Stack& content, const std::string& in,
                 const std::string& out) {
    for (const Family family : kFamilies) {
      Add(name, kIn, In(family, content), in);
      Add(name, kOut, Out(family, content), out);
    }
  }
  std::vector<CapturedRow> Take() { return std::move(rows_); }

 private:
  std::vector<CapturedRow> rows_;
};

void Tags(Rows& rows) {
  const Stack customer = Vlan{.id = 5}, service = Vlan{.id = 5, .tpid = ethertype::kServiceVlan};
  const Stack priority = Vlan{.id = 0, .priority = 5}, inner = Vlan{.id = 6};
  struct Row {
    const char* name;
    Stack tags;
    std::string in;
    std::string out;
  };
  const Row table[] = {
      {"802.1Q", customer, "allow rule customer/tagged/web", kDefault},
      {"802.1ad", service, "allow rule customer/tagged/web", kDefault},
      {"two tags", service / inner, "allow rule stacked/tagged/web", kDefault},
      {"two tags that none names", service / Vlan{.id = 7}, "drop vlan", "drop vlan"},
      {"a tag that none names", Vlan{.id = 9}, "drop vlan", "drop vlan"},
      {"priority tag", priority, Web(kIn), Web(kOut)},
      {"two priority tags", priority / priority, Web(kIn), Web(kOut)},
  };
  for (const Row& row : table) {
    for (const Direction direction : kDirections) {
      const std::string& expected = direction == kIn ? row.in : row.out;
      rows.Add(row.name, direction, Ethernet{} / row.tags / Ipv4Going(direction) / Https(),
               expected);
      rows.Add(row.name, direction, Ethernet{} / row.tags / Ipv6Going(direction) / Https(),
               expected);
    }
  }
  // Behind three no address is looked for: what has none travels in.
  const Stack packet = Ipv4Going(kIn) / Https();
  rows.Add("three tags", kIn, Ethernet{} / service / inner / Vlan{.id = 7} / packet, kMalformed);
  rows.Add("three priority tags", kIn, Ethernet{} / priority / priority / priority / packet,
           kMalformed);
  rows.Add("ARP", kIn, Ethernet{.ethertype = ethertype::kArp} / Zeros(46), "allow ethertype");
  rows.Add("MPLS", kIn, Ethernet{.ethertype = 0x8847} / Zeros(46), "drop ethertype");
  rows.Add("a length", kIn, Ethernet{.ethertype = 46} / Zeros(46), "drop ethertype");
}

void Ipv4Headers(Rows& rows) {
  for (const Direction direction : kDirections) {
    const auto row = [&](const char* name, void (*change)(Ipv4&), bool passes,
                         size_t trailing = 0) {
      Ipv4 ip = Ipv4Going(direction);
      change(ip);
      rows.Add(name, direction, Ethernet{} / ip / Https() / Zeros(trailing),
               passes ? Web(direction) : kMalformed);
    };
    row(
        "options", [](Ipv4& ip) { ip.options = {7, 7, 4, 0, 0, 0, 0, 0}; }, true);
    row(
        "forty bytes of options", [](Ipv4& ip) { ip.options = Bytes(40, 1); }, true);
    row(
        "source route",
        [](Ipv4& ip) {
          ip.options = {131, 3, 4, 0};
        },
        false);
    row(
        "option of no length",
        [](Ipv4& ip) {
          ip.options = {68, 0, 0, 0};
        },
        false);
    row(
        "IHL of four", [](Ipv4& ip) { ip.header_words = 4; }, false);
    row(
        "IHL beyond the end", [](Ipv4& ip) { ip.header_words = 15; }, false);
    row(
        "total length of zero", [](Ipv4& ip) { ip.total_length = 0; }, false);
    row(
        "total length of one too many", [](Ipv4& ip) { ip.total_length = 41; }, false);
    row(
        "total length that cuts TCP", [](Ipv4& ip) { ip.total_length = 39; }, false);
    row(
        "trailing bytes", [](Ipv4& ip) { ip.total_length = 40; }, true, 6);
    row(
        "version six", [](Ipv4& ip) { ip.version = 6; }, false);
  }
}

Stack HeaderOf(uint8_t kind) {
  if (kind == protocol::kRouting) return wire::Routing{};
  if (kind == protocol::kFragment) return FragmentHeader{.identification = 7};
  if (kind == protocol::kAuthentication) return wire::Authentication{};
  return Extension{.kind = kind};
}

void Ipv6Headers(Rows& rows) {
  std::vector<uint8_t> kinds = {0,
                                protocol::kRouting,
                                protocol::kFragment,
                                protocol::kAuthentication,
                                protocol::kDestinationOptions,
                                protocol::kMobility,
                                protocol::kHostIdentity,
                                protocol::kShim6};
  const Stack jumbo = Extension{.kind = 0, .content = {0xc2, 4, 0, 1, 0, 0}};
  for (const Direction direction : kDirections) {
    const auto row = [&](const std::string& name, const Stack& content,
                         const std::string& expected) {
      rows.Add(name, direction, Ethernet{} / Ipv6Going(direction) / content, expected);
    };
    const std::string esp = direction == kIn ? kDefault : Rule("esp-out");
    // Each kind first, and last, and in the middle.
    for (size_t turn = 0; turn < kinds.size(); ++turn) {
      Stack chain = HeaderOf(kinds[0]);
      for (size_t i = 1; i < kinds.size(); ++i) chain.Add(HeaderOf(kinds[i]));
      row("eight extension headers", chain / Https(), Web(direction));
      row("nine extension headers", chain / Extension{} / Https(), kMalformed);
      row("eight and ESP", chain / Zeros(8, protocol::kEsp), esp);
      std::ranges::rotate(kinds, kinds.begin() + 1);
    }
    row("authentication header", wire::Authentication{} / Https(), Web(direction));
    row("ESP", Zeros(8, protocol::kEsp), esp);
    row("no next header", Zeros(0, protocol::kNoNextHeader), kDefault);
    row("routing header of type 0", wire::Routing{.type = 0} / Https(), kMalformed);
    row("routing header with a segment left", wire::Routing{.segments_left = 1} / Https(),
        kMalformed);
    row("two fragment headers", FragmentHeader{} / FragmentHeader{} / Https(), kMalformed);
    row("extension header beyond the end", Extension{.length = 255} / Https(), kMalformed);
    Ipv6 ip = Ipv6Going(direction);
    ip.payload_length = 0;
    rows.Add("jumbogram", direction, Ethernet{} / ip / jumbo / Https() / Zeros(1000), kMalformed);
    ip.payload_length = 20;
    rows.Add("trailing bytes", direction, Ethernet{} / ip / Https() / Zeros(9), Web(direction));
  }
}

void Fragments(Rows& rows) {
  uint32_t datagram = 1;
  for (const Family family : kFamilies) {
    for (const Direction direction : kDirections) {
      const auto row = [&](const char* name, uint16_t offset, bool more, const Stack& content,
                           const std::string& expected) {
        if (family == Family::kIpv4) {
          Ipv4 ip = Ipv4Going(direction);
          ip.identification = static_cast<uint16_t>(datagram);
          ip.fragment_offset = offset;
          ip.more_fragments = more;
          rows.Add(name, direction, Ethernet{} / ip / content, expected);
        } else {
          rows.Add(name, direction,
                   Ethernet{} / Ipv6Going(direction) /
                       FragmentHeader{.identification = datagram, .offset = offset, .more = more} /
                       content,
                   expected);
        }
      };
      const std::string passes = Web(direction);
      const Stack first = Https() / Zeros(12), closed = TcpOf(5, 24, wire::kSyn) / Zeros(12);
      const Stack later = Zeros(16, protocol::kTcp);
      row("last before the first", 48, false, later, "drop fragment");
      row("first", 0, true, first, passes);
      row("middle", 32, true, later, passes);
      row("last", 48, false, later, passes);
      row("overlaps the header", 16, true, later, kMalformed);
      row("overlaps the data", 24, true, later, passes);
      row("another first, which is dropped", 0, true, closed, kDefault);
      row("middle of what is dropped", 32, true, later, kDefault);
      ++datagram;
      row("middle of an unknown one", 32, true, later, "drop fragment");
      row("tiny first", 0, true, Cut{16} / Https(), kMalformed);
      row("middle behind the tiny first", 16, true, later, "drop fragment");
      row("odd length with more to come", 0, true, Https() / Zeros(5), kMalformed);
      row("end beyond the largest datagram", 65528, false, later, kMalformed);
      ++datagram;
      if (family == Family::kIpv6) row("atomic", 0, false, Https(), passes);
    }
  }
}

void Transports(Rows& rows) {
  for (int flags = 0; flags < 256; ++flags) {
    const auto byte = static_cast<uint8_t>(flags);
    const bool opening = (flags & wire::kSyn) != 0 && (flags & wire::kAck) == 0;
    const std::string name = "TCP flags " + std::to_string(flags);
    rows.Transport(name, TcpOf(5, 443, byte), Web(kIn), Web(kOut));
    rows.Transport(name + " to a closed port", TcpOf(5, 24, byte), kDefault, kDefault);
    rows.Transport(name + " from a service", TcpOf(443, 6, byte), kDefault,
                   opening ? kDefault : Reply("web"));
  }
  rows.Transport("TCP to a denied port", TcpOf(5, 23, wire::kSyn), "drop rule external/m/no-telnet",
                 kDefault);
  rows.Transport("TCP of 16 bytes", Cut{16} / Https(), kMalformed, kMalformed);
  rows.Transport(
      "TCP of four words",
      wire::Tcp{.destination_port = 443, .flags = wire::kSyn, .header_words = 4} / Zeros(40),
      kMalformed, kMalformed);
  rows.Transport("TCP header beyond the end",
                 wire::Tcp{.destination_port = 443, .flags = wire::kSyn, .header_words = 15},
                 kMalformed, kMalformed);
  for (const uint16_t length : std::initializer_list<uint16_t>{0, 7, 49, 65535})
    rows.Transport("UDP length " + std::to_string(length) + " of 48",
                   wire::Udp{.destination_port = 50000, .length = length} / Zeros(40), kMalformed,
                   kMalformed);
  for (const uint16_t length : std::initializer_list<uint16_t>{8, 47, 48})
    rows.Transport("UDP length " + std::to_string(length) + " of 48",
                   wire::Udp{.destination_port = 50000, .length = length} / Zeros(40), Media(kIn),
                   Media(kOut));
  rows.Transport("SCTP INIT", SctpOf(5, 9, kSctpInit), Rule("init-in"), kDefault);
  rows.Transport("SCTP INIT ACK", SctpOf(9, 5, kSctpInitAck), kDefault, Reply("init-in"));
  rows.Transport("SCTP INIT as an answer", SctpOf(9, 5, kSctpInit), kDefault, kDefault);
  rows.Transport("SCTP of 8 bytes", Cut{8} / SctpOf(5, 9, kSctpInit), kMalformed, kMalformed);
  rows.Transport("GRE", Zeros(4, 47), Rule("gre-in"), Reply("gre-in"));
}

void Icmp(Rows& rows) {
  for (const Family family : kFamilies) {
    const wire::Ip host = HostAddress(family), peer = PeerAddress(family);
    const Stack error = Unreachable(family), query = UdpOf(5, 53), other = UdpOf(6, 53);
    const Stack answer = TcpOf(443, 5, wire::kAck), syn = TcpOf(5, 443, wire::kSyn);
    const std::string ping = family == Family::kIpv4 ? "ping-in" : "ping6-in";
    rows.Add("echo request", kIn, In(family, EchoRequest(family, 9)), Rule(ping));
    rows.Add("echo reply", kOut, Out(family, EchoReply(family, 9)), Reply(ping));
    rows.Add("echo reply to nothing", kIn, In(family, EchoReply(family, 9)), kDefault);
    rows.Add("error before the query", kIn, ErrorIn(family, query), kDefault);
    rows.Add("query", kOut, Out(family, query), Rule("dns-out"));
    rows.Add("error about it", kIn, ErrorIn(family, query), Reply("dns-out"));
    rows.Add("error about eight bytes of it", kIn, ErrorIn(family, Cut{8} / query),
             Reply("dns-out"));
    rows.Add("error about seven bytes of it", kIn, ErrorIn(family, Cut{7} / query), kDefault);
    rows.Add("error about another", kIn, ErrorIn(family, other), kDefault);
    rows.Add("error about it to a neighbour", kIn,
             FrameBetween(RouterAddress(family),
                          family == Family::kIpv4 ? "203.0.113.12" : "2001:db8::12") /
                 error / Between(host, peer) / query,
             kDefault);
    rows.Add("error that is the wrong way round", kIn,
             FrameBetween(RouterAddress(family), host) / error / Between(peer, host) / query,
             kDefault);
    rows.Add("error about an error", kIn,
             FrameBetween(RouterAddress(family), host) / error / Between(host, peer) / error /
                 Between(peer, host) / query,
             kDefault);
    rows.Add("error about a service's answer", kIn, ErrorIn(family, answer), Reply("web"));
    rows.Add("error about a client's packet", kOut, ErrorOut(family, syn), Reply("web"));
    rows.Add("error about a packet that no rule allows", kOut, ErrorOut(family, other), kDefault);
    rows.Add("its answer", kIn, In(family, UdpOf(53, 5)), Reply("dns-out"));
    rows.Add("the answer to another", kIn, In(family, UdpOf(53, 6)), kDefault);
    rows.Add("failsafe", kIn, FrameBetween(AdminAddress(family), host) / TcpOf(5, 22, wire::kSyn),
             "allow failsafe");
    rows.Add("failsafe's answer", kOut,
             FrameBetween(host, AdminAddress(family)) / TcpOf(22, 5, kSynAck), "allow failsafe");
  }
}

void Addresses(Rows& rows) {
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
  row("to multicast", kIn, "198.51.100.7", "224.0.0.251", kDefault);
  row("to multicast", kOut, "203.0.113.11", "224.0.0.251", Web(kOut));
  row("to broadcast", kIn, "198.51.100.7", "255.255.255.255", kDefault);
  row("to broadcast", kOut, "203.0.113.11", "255.255.255.255", Web(kOut));
  row("to the network's broadcast", kIn, "198.51.100.7", "203.0.113.15", Web(kIn));
  row("land", kIn, "2001:db8::11", "2001:db8::11", spoofed);
  row("loopback", kIn, "::1", "2001:db8::11", spoofed);
  row("multicast source", kIn, "ff02::1", "2001:db8::11", spoofed);
  row("to multicast", kIn, "2001:db8:7::7", "ff02::fb", kDefault);
  row("to multicast", kOut, "2001:db8::11", "ff02::fb", Web(kOut));
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

void Sizes(Rows& rows) {
  for (const size_t bytes : {size_t{8900}, size_t{60000}}) {
    const std::string name = std::to_string(bytes) + " bytes";
    rows.Transport(name, TcpOf(5, 443, wire::kAck) / Zeros(bytes), Web(kIn), Web(kOut));
    rows.Transport(name + " to a closed port", TcpOf(5, 24, wire::kAck) / Zeros(bytes), kDefault,
                   kDefault);
  }
  rows.Add("header of Ethernet alone", kIn, Cut{14} / In(Family::kIpv4, Https()), kMalformed);
  rows.Add("less than Ethernet", kIn, Cut{13} / In(Family::kIpv4, Https()), kMalformed);
}

}  // namespace

std::vector<CapturedRow> OddCapture() {
  Rows rows;
  Tags(rows);
  Ipv4Headers(rows);
  Ipv6Headers(rows);
  Fragments(rows);
  Transports(rows);
  Icmp(rows);
  Addresses(rows);
  Sizes(rows);
  return rows.Take();
}

}  // namespace portmatrix
