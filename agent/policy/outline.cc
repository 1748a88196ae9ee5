// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/outline.h"

#include <netinet/in.h>

#include "agent/policy/axis.h"

namespace portmatrix {
namespace {

uint8_t BitOf(uint8_t protocol) {
  switch (protocol) {
    case IPPROTO_TCP:
      return 1;
    case IPPROTO_UDP:
      return 2;
    case IPPROTO_SCTP:
      return 4;
    case IPPROTO_ICMP:
      return 8;
    case IPPROTO_ICMPV6:
      return 16;
    default:
      return 32;
  }
}

}  // namespace

Outline::Outline(const Match& match)
    : from_{RangeOf(match.from, Family::kIpv4), RangeOf(match.from, Family::kIpv6)},
      to_{RangeOf(match.to, Family::kIpv4), RangeOf(match.to, Family::kIpv6)} {
  if (!match.ports.empty()) {
    first_port_ = match.ports.front().first;
    last_port_ = match.ports.back().last;
  }
  if (match.any_protocol) protocols_ = UINT8_MAX;
  for (const uint8_t protocol : match.protocols) {
    protocols_ = static_cast<uint8_t>(protocols_ | BitOf(protocol));
  }
}

bool Outline::Meets(const Outline& other) const {
  if ((protocols_ & other.protocols_) == 0 || first_port_ > other.last_port_ ||
      other.first_port_ > last_port_) {
    return false;
  }
  return (to_[0].Meets(other.to_[0]) && from_[0].Meets(other.from_[0])) ||
         (to_[1].Meets(other.to_[1]) && from_[1].Meets(other.from_[1]));
}

Outline::Position Outline::PositionOf(const Address& address) {
  Position position;
  for (size_t i = 0; i < 8; ++i) {
    position.high = position.high << 8 | address.bytes[i];
    position.low = position.low << 8 | address.bytes[i + 8];
  }
  return position;
}

Outline::Range Outline::RangeOf(const AddressSet& set, Family family) {
  const Stretches<Address> stretches = StretchesOf(set, family);
  if (stretches.empty()) return {};
  return {PositionOf(stretches.front().first), PositionOf(stretches.back().last)};
}

}  // namespace portmatrix
