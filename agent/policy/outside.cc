// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/outside.h"

#include "agent/policy/protocol.h"

namespace portmatrix {
namespace {

constexpr Prefix Ipv4Prefix(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint8_t length) {
  return {.address = {.family = Family::kIpv4, .bytes = {a, b, c, d}}, .length = length};
}

Match DhcpExchange(Family family, Direction direction) {
  const bool ipv4 = family == Family::kIpv4;
  const uint16_t server = ipv4 ? dhcp::kServer : dhcp::kServer6;
  const uint16_t client = ipv4 ? dhcp::kClient : dhcp::kClient6;
  const bool in = direction == Direction::kIn;
  const PortRange from{in ? server : client, in ? server : client};
  const PortRange to{in ? client : server, in ? client : server};
  Match match;
  match.from = match.to = AddressSet::Of({Prefix{Address{family, {}}, 0}});
  match.protocols = {protocol::kUdp};
  match.source_ports = {from};
  match.ports = {to};
  return match;
}

}  // namespace

const std::vector<Prefix>& ForbiddenSources() {
  static const std::vector<Prefix> kSources = {
      Ipv4Prefix(127, 0, 0, 0, 8),
      Ipv4Prefix(224, 0, 0, 0, 4),
      Ipv4Prefix(255, 255, 255, 255, 32),
      {.address = {.family = Family::kIpv6,
                   .bytes = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}},
       .length = 128},
      {.address = {.family = Family::kIpv6, .bytes = {0xff}}, .length = 8}};
  return kSources;
}

std::vector<EarlyStep> StepsBeforeRules(const Interface& interface, Direction direction) {
  std::vector<EarlyStep> steps;
  if (interface.dhcp_client) {
    for (const Family family : {Family::kIpv4, Family::kIpv6}) {
      steps.push_back({PM_REASON_DHCP, DhcpExchange(family, direction)});
    }
  }
  if (direction == Direction::kOut) return steps;
  std::vector<Prefix> sources = interface.local.prefixes();
  sources.insert(sources.end(), ForbiddenSources().begin(), ForbiddenSources().end());
  EarlyStep spoofed;
  spoofed.match.from = AddressSet::Of(std::move(sources));
  spoofed.match.to = AddressSet::Any();
  spoofed.match.any_protocol = true;
  steps.push_back(std::move(spoofed));
  return steps;
}

}  // namespace portmatrix
