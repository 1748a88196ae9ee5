// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/axis.h"

#include <algorithm>
#include <set>

namespace portmatrix {
namespace {

constexpr uint32_t kLastKey = 0xffff;

Address LastOf(const Prefix& prefix) {
  Address last = prefix.address;
  for (int bit = prefix.length; bit < AddressBits(last.family); ++bit) {
    auto& byte = last.bytes[static_cast<size_t>(bit / 8)];
    byte = static_cast<uint8_t>(byte | 0x80 >> (bit % 8));
  }
  return last;
}

bool Adjacent(uint32_t value, uint32_t next) { return value + 1 == next; }

bool Adjacent(Address value, const Address& next) {
  for (int byte = AddressBits(value.family) / 8 - 1; byte >= 0; --byte) {
    if (++value.bytes[static_cast<size_t>(byte)] != 0) break;
  }
  return value == next;
}

// Where a set begins, before a value, or has ended, behind one.
template <typename Value>
struct Edge {
  Value value;
  bool ends;
  size_t number;
};

template <typename Value>
bool Before(const Edge<Value>& left, const Edge<Value>& right) {
  if (left.value != right.value) return left.value < right.value;
  return left.ends < right.ends;
}

}  // namespace

Stretches<Address> StretchesOf(const AddressSet& set, Family family) {
  Stretches<Address> stretches;
  if (set.any) {
    const Prefix all{Address{family, {}}, 0};
    stretches.push_back({all.address, LastOf(all)});
  }
  for (const Prefix& prefix : set.prefixes) {
    if (prefix.address.family == family) stretches.push_back({prefix.address, LastOf(prefix)});
  }
  return stretches;
}

Stretches<uint32_t> StretchesOf(const std::vector<PortRange>& ranges) {
  if (ranges.empty()) return {{0, kLastKey}};
  Stretches<uint32_t> stretches;
  for (const PortRange& range : ranges) stretches.push_back({range.first, range.last});
  return stretches;
}

Stretches<uint32_t> StretchesOf(std::optional<uint8_t> type, std::optional<uint8_t> code) {
  if (!type) return {{0, kLastKey}};
  const uint32_t first = static_cast<uint32_t>(*type) << 8;
  if (!code) return {{first, first | 0xff}};
  return {{first | *code, first | *code}};
}

template <typename Value>
std::optional<std::vector<Members>> CutAxis(const Stretches<Value>& within,
                                            const std::vector<NumberedSet<Value>>& sets,
                                            WorkBudget& budget) {
  if (within.empty()) return std::vector<Members>();
  // The axis itself is one more set; a stretch counts while it is on.
  constexpr size_t kWithin = SIZE_MAX;
  std::vector<Edge<Value>> edges;
  const auto add = [&](const Stretches<Value>& stretches, size_t number) {
    for (const Stretch<Value>& stretch : stretches) {
      edges.push_back({stretch.first, false, number});
      edges.push_back({stretch.last, true, number});
    }
  };
  add(within, kWithin);
  std::set<size_t> active;
  for (const NumberedSet<Value>& set : sets) {
    if (set.stretches == nullptr) {
      active.insert(set.number);
    } else {
      add(*set.stretches, set.number);
    }
  }
  std::ranges::sort(edges, Before<Value>);
  budget.Spend(edges.size() * 4);

  std::set<Members> found;
  bool inside = false;
  for (size_t i = 0; i < edges.size() && !budget.used_up(); ++i) {
    const Edge<Value>& edge = edges[i];
    if (edge.number == kWithin) {
      inside = !edge.ends;
    } else if (edge.ends) {
      active.erase(edge.number);
    } else {
      active.insert(edge.number);
    }
    if (!inside || i + 1 == edges.size()) continue;
    // Does any value lie between this edge and the next?
    const Edge<Value>& next = edges[i + 1];
    if (next.value == edge.value ? next.ends == edge.ends
                                 : edge.ends && !next.ends && Adjacent(edge.value, next.value)) {
      continue;
    }
    if (active.empty()) return std::vector<Members>{Members()};
    budget.Spend(active.size() + 4);
    found.emplace(active.begin(), active.end());
  }
  if (budget.used_up()) return std::nullopt;
  std::vector<Members> members(found.begin(), found.end());
  std::ranges::stable_sort(members, {}, &Members::size);
  return members;
}

template std::optional<std::vector<Members>> CutAxis(const Stretches<uint32_t>&,
                                                     const std::vector<NumberedSet<uint32_t>>&,
                                                     WorkBudget&);
template std::optional<std::vector<Members>> CutAxis(const Stretches<Address>&,
                                                     const std::vector<NumberedSet<Address>>&,
                                                     WorkBudget&);

}  // namespace portmatrix
