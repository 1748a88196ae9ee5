// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/service_classes.h"

#include <algorithm>

#include "agent/policy/service_reader.h"

namespace portmatrix {
namespace {

// Both merged and ascending; none named stands for all.
bool Overlap(const std::vector<PortRange>& left, const std::vector<PortRange>& right) {
  if (left.empty() || right.empty()) return true;
  auto l = left.begin();
  auto r = right.begin();
  while (l != left.end() && r != right.end()) {
    if (l->last < r->first) {
      ++l;
    } else if (r->last < l->first) {
      ++r;
    } else {
      return true;
    }
  }
  return false;
}

bool Overlap(const std::optional<uint8_t>& left, const std::optional<uint8_t>& right) {
  return !left || !right || *left == *right;
}

// A match has ports only if all its protocols do, and types only if all are ICMP, so the protocol
// need not be asked.
bool KeysOverlap(const Match& left, const Match& right) {
  return Overlap(left.ports, right.ports) && Overlap(left.source_ports, right.source_ports) &&
         Overlap(left.icmp_type, right.icmp_type) && Overlap(left.icmp_code, right.icmp_code);
}

}  // namespace

bool MatchesProtocol(const Match& match, uint8_t protocol) {
  return match.any_protocol || std::ranges::binary_search(match.protocols, protocol);
}

bool ServicesOverlap(const Match& left, const Match& right) {
  if (left.any_protocol) return right.any_protocol || !right.protocols.empty();
  return std::ranges::any_of(left.protocols,
                             [&](uint8_t protocol) { return MatchesProtocol(right, protocol); }) &&
         KeysOverlap(left, right);
}

// Port ranges are merged, so a stretch is covered by one or by none.
bool KeysContain(const Stretches<uint32_t>& outer, const Stretches<uint32_t>& inner) {
  return std::ranges::all_of(inner, [&](const auto& stretch) {
    return std::ranges::any_of(outer, [&](const auto& around) {
      return around.first <= stretch.first && stretch.last <= around.last;
    });
  });
}

bool ServicesContain(const Match& outer, const Match& inner) {
  if (inner.any_protocol) return outer.any_protocol;
  return std::ranges::all_of(inner.protocols, [&](uint8_t protocol) {
    return MatchesProtocol(outer, protocol) &&
           KeysContain(ServiceKeys(outer, protocol), ServiceKeys(inner, protocol)) &&
           KeysContain(SourceKeys(outer, protocol), SourceKeys(inner, protocol));
  });
}

Stretches<uint32_t> ServiceKeys(const Match& match, uint8_t protocol) {
  if (HasPorts(protocol)) return StretchesOf(match.ports);
  if (IsIcmp(protocol)) return StretchesOf(match.icmp_type, match.icmp_code);
  return {{0, 0}};
}

Stretches<uint32_t> SourceKeys(const Match& match, uint8_t protocol) {
  if (HasPorts(protocol)) return StretchesOf(match.source_ports);
  return {{0, 0}};
}

}  // namespace portmatrix
