// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/families.h"

#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>

namespace portmatrix {
namespace {

struct Families {
  bool ipv4 = false;
  bool ipv6 = false;
};

Families Of(const AddressSet& set, LiveMask live) {
  if (set.any() || set.empty() || live != 0) return {true, true};
  // Sorted, IPv4 first.
  return {set.prefixes().front().address.family == Family::kIpv4,
          set.prefixes().back().address.family == Family::kIpv6};
}

Families Of(const Match& match) {
  if (match.any_protocol) return {true, true};
  Families families;
  for (const uint8_t protocol : match.protocols) {
    families.ipv4 |= protocol != IPPROTO_ICMPV6;
    families.ipv6 |= protocol != IPPROTO_ICMP;
  }
  return families;
}

bool Meet(const Families& left, const Families& right) {
  return (left.ipv4 && right.ipv4) || (left.ipv6 && right.ipv6);
}

const char* Only(const Families& families) { return families.ipv4 ? "IPv4" : "IPv6"; }

}  // namespace

std::string WhyFamiliesCannotMeet(const Match& match) {
  const Families from = Of(match.from, match.from_live), to = Of(match.to, match.to_live),
                 protocol = Of(match);
  if (!Meet(from, to)) {
    return fmt::format("`from` has only {} addresses, `to` only {}", Only(from), Only(to));
  }
  if (match.protocols.empty() && !match.any_protocol) return "";
  for (const auto& [side, families] : {std::pair{"from", from}, std::pair{"to", to}}) {
    if (!Meet(families, protocol)) {
      return fmt::format("the protocol is {}'s, and `{}` has only {} addresses", Only(protocol),
                         side, Only(families));
    }
  }
  return "";
}

}  // namespace portmatrix
