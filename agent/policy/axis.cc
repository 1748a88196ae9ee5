// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/axis.h"

#include <algorithm>
#include <map>
#include <utility>

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

uint32_t Behind(uint32_t value) { return value + 1; }
uint32_t Before(uint32_t value) { return value - 1; }

Address Behind(Address value) {
  for (int byte = AddressBits(value.family) / 8 - 1; byte >= 0; --byte) {
    if (++value.bytes[static_cast<size_t>(byte)] != 0) break;
  }
  return value;
}

Address Before(Address value) {
  for (int byte = AddressBits(value.family) / 8 - 1; byte >= 0; --byte) {
    if (value.bytes[static_cast<size_t>(byte)]-- != 0) break;
  }
  return value;
}

// Where a set begins, before a value, or has ended, behind one.
template <typename Value>
struct Edge {
  Value value;
  bool ends;
  size_t number;
  bool enough;
};

template <typename Value>
bool ComesFirst(const Edge<Value>& left, const Edge<Value>& right) {
  if (left.value != right.value) return left.value < right.value;
  return left.ends < right.ends;
}

// The values between an edge and the next, if there are any.
template <typename Value>
std::optional<Stretch<Value>> Between(const Edge<Value>& edge, const Edge<Value>& next) {
  if (next.value == edge.value) {
    if (next.ends == edge.ends) return std::nullopt;
    return Stretch<Value>{edge.value, edge.value};
  }
  const Value first = edge.ends ? Behind(edge.value) : edge.value;
  if (!next.ends && first == next.value) return std::nullopt;
  return Stretch<Value>{first, next.ends ? next.value : Before(next.value)};
}

// Does one of the set's stretches hold all of the axis?
template <typename Value>
bool Spans(const Stretches<Value>& set, const Stretches<Value>& within) {
  const auto behind =
      std::ranges::upper_bound(set, within.front().first, {}, &Stretch<Value>::first);
  return behind != set.begin() && within.back().last <= std::prev(behind)->last;
}

// The first stretch of a class gives its sample, unless a later one holds the value that is liked.
template <typename Value>
void TakeSamples(AxisClass<Value>& known, const Stretch<Value>& stretch, const Value& liked,
                 bool is_first) {
  const Value nearest = std::clamp(liked, stretch.first, stretch.last);
  if (is_first || (nearest == liked && known.sample != liked)) {
    if (!is_first) known.other = known.sample;
    known.sample = nearest;
  }
  if (known.other) return;
  if (stretch.first != known.sample) {
    known.other = stretch.first;
  } else if (stretch.last != known.sample) {
    known.other = stretch.last;
  }
}

// The sets that hold a value, ascending by number.
class ActiveSets {
 public:
  void Add(size_t number, bool enough) { sets_.insert(PlaceOf(number), {number, enough}); }
  void Remove(size_t number) { sets_.erase(PlaceOf(number)); }

  // Up to the first that is enough.
  Members Asked() const {
    Members members;
    for (const auto& [number, enough] : sets_) {
      members.push_back(number);
      if (enough) break;
    }
    return members;
  }

 private:
  using Sets = std::vector<std::pair<size_t, bool>>;

  Sets::iterator PlaceOf(size_t number) {
    return std::ranges::lower_bound(sets_, number, {}, &std::pair<size_t, bool>::first);
  }

  Sets sets_;
};

}  // namespace

Stretches<Address> StretchesOf(const AddressSet& set, Family family) {
  Stretches<Address> stretches;
  if (set.any()) {
    const Prefix all{Address{family, {}}, 0};
    stretches.push_back({all.address, LastOf(all)});
  }
  for (const Prefix& prefix : set.prefixes()) {
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
std::optional<std::vector<AxisClass<Value>>> CutAxis(const Stretches<Value>& within,
                                                     const std::vector<NumberedSet<Value>>& sets,
                                                     const CutOptions<Value>& options,
                                                     WorkBudget& budget) {
  // The axis itself is one more set; a stretch counts while it is on.
  constexpr size_t kWithin = SIZE_MAX;
  std::vector<Edge<Value>> edges;
  const auto add = [&](const Stretch<Value>& stretch, size_t number, bool enough) {
    edges.push_back({stretch.first, false, number, enough});
    edges.push_back({stretch.last, true, number, enough});
  };
  for (const Stretch<Value>& stretch : within) add(stretch, kWithin, false);
  ActiveSets active;
  for (const NumberedSet<Value>& set : sets) {
    if (set.stretches == nullptr || Spans(*set.stretches, within)) {
      active.Add(set.number, set.enough);
    } else {
      // What lies before or behind the axis cuts nothing.
      const auto before = [&](const Stretch<Value>& stretch) {
        return stretch.last < within.front().first;
      };
      const auto first = std::ranges::partition_point(*set.stretches, before);
      for (auto each = first; each != set.stretches->end(); ++each) {
        if (within.back().last < each->first) break;
        add(*each, set.number, set.enough);
      }
    }
  }
  std::ranges::sort(edges, ComesFirst<Value>);
  budget.Spend(edges.size() * 4);

  std::map<Members, AxisClass<Value>> found;
  bool inside = false;
  for (size_t i = 0; i < edges.size() && !budget.used_up(); ++i) {
    const Edge<Value>& edge = edges[i];
    if (edge.number == kWithin) {
      inside = !edge.ends;
    } else if (edge.ends) {
      active.Remove(edge.number);
    } else {
      active.Add(edge.number, edge.enough);
    }
    if (!inside || i + 1 == edges.size()) continue;
    const auto stretch = Between(edge, edges[i + 1]);
    if (!stretch) continue;
    Members members = active.Asked();
    budget.Spend(members.size() + 4);
    const bool nobody = members.empty();
    const auto [known, added] = found.try_emplace(std::move(members));
    if (added) known->second.members = known->first;
    TakeSamples(known->second, *stretch, options.liked, added);
    if (nobody && options.nobody_ends) return std::vector<AxisClass<Value>>{known->second};
  }
  if (budget.used_up()) return std::nullopt;
  std::vector<AxisClass<Value>> classes;
  classes.reserve(found.size());
  for (auto& [members, each] : found) classes.push_back(std::move(each));
  std::ranges::stable_sort(classes, {}, [](const auto& each) { return each.members.size(); });
  return classes;
}

template std::optional<std::vector<AxisClass<uint32_t>>> CutAxis(
    const Stretches<uint32_t>&, const std::vector<NumberedSet<uint32_t>>&,
    const CutOptions<uint32_t>&, WorkBudget&);
template std::optional<std::vector<AxisClass<Address>>> CutAxis(
    const Stretches<Address>&, const std::vector<NumberedSet<Address>>&, const CutOptions<Address>&,
    WorkBudget&);

}  // namespace portmatrix
