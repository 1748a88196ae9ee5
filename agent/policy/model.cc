// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/model.h"

#include <netinet/in.h>

#include <algorithm>

namespace portmatrix {
namespace {

Address AddressOf(const uint8_t (&bytes)[16], uint8_t family) {
  Address address;
  address.family = family == 6 ? Family::kIpv6 : Family::kIpv4;
  std::copy(std::begin(bytes), std::end(bytes), address.bytes.begin());
  return address;
}

bool InRanges(const std::vector<PortRange>& ranges, uint16_t port) {
  return ranges.empty() ||
         std::ranges::any_of(ranges, [&](const PortRange& range) { return range.Contains(port); });
}

}  // namespace

std::string_view Rule::matrix() const {
  const size_t first = key.find('/') + 1;
  return std::string_view(key).substr(first, key.rfind('/') - first);
}

std::string_view Rule::id() const { return std::string_view(key).substr(key.rfind('/') + 1); }

const RuleText& Rule::text() const {
  static const RuleText kNone;
  return written == nullptr ? kNone : *written;
}

const char* ToString(Direction direction) { return direction == Direction::kIn ? "in" : "out"; }

const char* ToString(Action action) { return action == Action::kAllow ? "allow" : "deny"; }

const char* ReasonWord(pm_reason reason) {
  switch (reason) {
#define X(identifier, word)    \
  case PM_REASON_##identifier: \
    return word;
    PM_REASONS(X)
#undef X
    case PM_REASON_COUNT:
      break;
  }
  return "internal";
}

bool Match::Matches(const pm_tuple& tuple, LiveMembership live) const {
  if (!any_protocol && !std::ranges::binary_search(protocols, tuple.protocol)) return false;
  const bool icmp = tuple.protocol == IPPROTO_ICMP || tuple.protocol == IPPROTO_ICMPV6;
  if (icmp) {
    if (icmp_type && *icmp_type != tuple.destination_port >> 8) return false;
    if (icmp_code && *icmp_code != (tuple.destination_port & 0xff)) return false;
  } else if (!InRanges(ports, tuple.destination_port) ||
             !InRanges(source_ports, tuple.source_port)) {
    return false;
  }
  return ((from_live & live.source) || from.Contains(AddressOf(tuple.source, tuple.family))) &&
         ((to_live & live.destination) || to.Contains(AddressOf(tuple.destination, tuple.family)));
}

}  // namespace portmatrix
