// SPDX-License-Identifier: Apache-2.0
#include "tests/support/edge_node.h"

#include "agent/policy/protocol.h"
#include "tests/support/node_builder.h"

namespace portmatrix {
namespace {

const std::vector<std::string> kLocal = {"203.0.113.0/28", "2001:db8::/64"};

MatchRow Inward(uint8_t number, std::vector<PortRange> ports = {}) {
  return {.to = kLocal, .protocols = {number}, .ports = std::move(ports)};
}

MatchRow Outward(uint8_t number, std::vector<PortRange> ports = {}) {
  return {.from = kLocal, .protocols = {number}, .ports = std::move(ports)};
}

RuleRow Allow(const std::string& id, Direction direction, const MatchRow& match) {
  return {.id = id, .direction = direction, .match = match};
}

RuleRow Deny(const std::string& id, Direction direction, const MatchRow& match) {
  return {.id = id, .direction = direction, .match = match, .action = Action::kDeny};
}

MatchRow Echo(MatchRow row, uint8_t type) {
  row.icmp_type = type;
  return row;
}

std::vector<RuleRow> Rules() {
  constexpr PortRange kMedia = {.first = 50000, .last = 59999};
  constexpr Direction kIn = Direction::kIn;
  constexpr Direction kOut = Direction::kOut;
  return {
      Allow("web", kIn, Inward(protocol::kTcp, {Port(443)})),
      Deny("no-telnet", kIn, Inward(protocol::kTcp, {Port(23)})),
      Allow("media-in", kIn, Inward(protocol::kUdp, {kMedia})),
      Allow("ping-in", kIn, Echo(Inward(protocol::kIcmp), icmp::kEchoRequest)),
      Allow("ping-in", kIn, Echo(Inward(protocol::kIcmpv6), icmpv6::kEchoRequest)),
      Allow("gre-in", kIn, Inward(47)),
      Allow("init-in", kIn, Inward(protocol::kSctp, {Port(9)})),
      Deny("no-smtp", kOut, Outward(protocol::kTcp, {Port(25)})),
      Allow("https-out", kOut, Outward(protocol::kTcp, {Port(443)})),
      Allow("dns-out", kOut, Outward(protocol::kUdp, {Port(53)})),
      Allow("media-out", kOut, Outward(protocol::kUdp, {kMedia})),
      Allow("sctp-out", kOut, Outward(protocol::kSctp, {Port(7)})),
      Allow("ping-out", kOut, Echo(Outward(protocol::kIcmp), icmp::kEchoRequest)),
      Allow("ping-out", kOut, Echo(Outward(protocol::kIcmpv6), icmpv6::kEchoRequest)),
      Allow("esp-out", kOut, Outward(protocol::kEsp)),
  };
}

bool IsIpv4(Family family) { return family == Family::kIpv4; }

}  // namespace

Node EdgeNode() {
  Node node;
  node.name = "edge1";
  node.failsafe.push_back(MakeFailsafe({.from = {"192.0.2.0/28", "2001:db8:f00d::/48"},
                                        .protocols = {protocol::kTcp},
                                        .ports = {Port(22)}}));
  node.interfaces.push_back(MakeInterface("external", "eth0", kLocal, Rules()));
  return node;
}

wire::Ip HostAddress(Family family) { return IsIpv4(family) ? "203.0.113.11" : "2001:db8::11"; }
wire::Ip PeerAddress(Family family) { return IsIpv4(family) ? "198.51.100.7" : "2001:db8:7::7"; }
wire::Ip AdminAddress(Family family) { return IsIpv4(family) ? "192.0.2.1" : "2001:db8:f00d::1"; }
wire::Ip RouterAddress(Family family) { return IsIpv4(family) ? "192.0.2.254" : "2001:db8:fe::1"; }

wire::Stack Between(const wire::Ip& source, const wire::Ip& destination) {
  if (source.family == Family::kIpv4) {
    return wire::Ipv4{.source = source, .destination = destination};
  }
  return wire::Ipv6{.source = source, .destination = destination};
}

wire::Stack FrameBetween(const wire::Ip& source, const wire::Ip& destination) {
  return wire::Ethernet{} / Between(source, destination);
}

wire::Stack In(Family family, const wire::Stack& transport) {
  return FrameBetween(PeerAddress(family), HostAddress(family)) / transport;
}

wire::Stack Out(Family family, const wire::Stack& transport) {
  return FrameBetween(HostAddress(family), PeerAddress(family)) / transport;
}

wire::Stack TcpOf(uint16_t source_port, uint16_t destination_port, uint8_t flags) {
  return wire::Tcp{
      .source_port = source_port, .destination_port = destination_port, .flags = flags};
}

wire::Stack UdpOf(uint16_t source_port, uint16_t destination_port) {
  return wire::Udp{.source_port = source_port, .destination_port = destination_port};
}

wire::Stack SctpOf(uint16_t source_port, uint16_t destination_port, uint8_t chunk) {
  return wire::Sctp{
      .source_port = source_port, .destination_port = destination_port, .chunk = chunk};
}

wire::Stack EchoRequest(Family family, uint16_t identifier) {
  if (IsIpv4(family)) return wire::Icmp{.type = icmp::kEchoRequest, .identifier = identifier};
  return wire::Icmpv6{.type = icmpv6::kEchoRequest, .identifier = identifier};
}

wire::Stack EchoReply(Family family, uint16_t identifier) {
  if (IsIpv4(family)) return wire::Icmp{.type = icmp::kEchoReply, .identifier = identifier};
  return wire::Icmpv6{.type = icmpv6::kEchoReply, .identifier = identifier};
}

wire::Stack OtherIcmp(Family family) {
  if (IsIpv4(family)) return wire::Icmp{.type = 13};
  return wire::Icmpv6{.type = 139};
}

wire::Stack Unreachable(Family family) {
  if (IsIpv4(family)) return wire::Icmp{.type = icmp::kDestinationUnreachable, .code = 1};
  return wire::Icmpv6{.type = icmpv6::kDestinationUnreachable, .code = 3};
}

wire::Stack ErrorIn(Family family, const wire::Stack& transport) {
  return FrameBetween(RouterAddress(family), HostAddress(family)) / Unreachable(family) /
         Between(HostAddress(family), PeerAddress(family)) / transport;
}

wire::Stack ErrorOut(Family family, const wire::Stack& transport) {
  return FrameBetween(HostAddress(family), PeerAddress(family)) / Unreachable(family) /
         Between(PeerAddress(family), HostAddress(family)) / transport;
}

std::vector<Story> InBothFamilies(const std::function<std::vector<Story>(Family)>& stories) {
  std::vector<Story> all;
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    for (Story& story : stories(family)) {
      story.name += family == Family::kIpv4 ? "OverIpv4" : "OverIpv6";
      all.push_back(std::move(story));
    }
  }
  return all;
}

}  // namespace portmatrix
