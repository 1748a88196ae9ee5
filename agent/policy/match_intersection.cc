// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/match_intersection.h"

#include <algorithm>
#include <iterator>

#include "agent/policy/service_classes.h"

namespace portmatrix {
namespace {

// Of two prefixes one holds the other, or they are apart.
void AddInside(const AddressSet& inner, const AddressSet& outer, std::vector<Prefix>& prefixes) {
  for (const Prefix& prefix : inner.prefixes()) {
    if (outer.ContainsAll(AddressSet::Of({prefix}))) prefixes.push_back(prefix);
  }
}

}  // namespace

AddressSet Intersection(const AddressSet& left, const AddressSet& right) {
  if (left.any()) return right;
  if (right.any()) return left;
  std::vector<Prefix> prefixes;
  AddInside(left, right, prefixes);
  AddInside(right, left, prefixes);
  // Neighbours that hold a prefix only together: it and they are all in the result, which reduces.
  return AddressSet::Of(std::move(prefixes));
}

std::vector<PortRange> Intersection(const std::vector<PortRange>& left,
                                    const std::vector<PortRange>& right) {
  std::vector<PortRange> common;
  auto l = left.begin();
  auto r = right.begin();
  while (l != left.end() && r != right.end()) {
    const PortRange range{std::max(l->first, r->first), std::min(l->last, r->last)};
    if (range.first <= range.last) common.push_back(range);
    l->last < r->last ? void(++l) : void(++r);
  }
  return common;
}

std::optional<Match> Intersection(const Match& left, const Match& right) {
  if (!ServicesOverlap(left, right)) return std::nullopt;
  Match common;
  common.from = Intersection(left.from, right.from);
  common.to = Intersection(left.to, right.to);
  if (common.from.empty() || common.to.empty()) return std::nullopt;
  common.any_protocol = left.any_protocol && right.any_protocol;
  if (left.any_protocol) {
    common.protocols = right.protocols;
  } else if (right.any_protocol) {
    common.protocols = left.protocols;
  } else {
    std::ranges::set_intersection(left.protocols, right.protocols,
                                  std::back_inserter(common.protocols));
  }
  // Named on both sides they overlap; named on one they hold as they are.
  const auto both = [](const std::vector<PortRange>& a, const std::vector<PortRange>& b) {
    return a.empty() ? b : b.empty() ? a : Intersection(a, b);
  };
  common.ports = both(left.ports, right.ports);
  common.source_ports = both(left.source_ports, right.source_ports);
  common.icmp_type = left.icmp_type ? left.icmp_type : right.icmp_type;
  common.icmp_code = left.icmp_code ? left.icmp_code : right.icmp_code;
  return common;
}

}  // namespace portmatrix
