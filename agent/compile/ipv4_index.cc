// SPDX-License-Identifier: Apache-2.0
#include "agent/compile/ipv4_index.h"

#include <algorithm>
#include <array>
#include <bit>
#include <span>
#include <utility>

namespace portmatrix {
namespace {

// What a word's index has room for in the front.
constexpr int kWordBits = 16;
// From so many intervals on most words would name trees: memory far away is met twice.
constexpr size_t kMany = size_t{4} << kWordBits;

// Bits of the index of roots. They hold seven to fourteen intervals on average: of those that are
// drawn at random few are more than fit.
int RootBits(size_t intervals) {
  return std::max(32 - PM_NARROW_KEY_BITS, static_cast<int>(std::bit_width(intervals / 7)) - 1);
}

// The different values of intervals, as far as a root has room for them.
class Values {
 public:
  // False where there is no room.
  bool Add(uint32_t value) {
    const auto end = values_.begin() + static_cast<ptrdiff_t>(count_);
    if (std::find(values_.begin(), end, value) != end) return true;
    if (count_ == values_.size()) return false;
    values_[count_++] = value;
    return true;
  }
  size_t count() const { return count_; }
  const std::array<uint32_t, PM_NARROW_VALUES>& values() const { return values_; }
  uint64_t NumberOf(uint32_t value) const {
    return static_cast<uint64_t>(std::ranges::find(values_, value) - values_.begin());
  }

 private:
  std::array<uint32_t, PM_NARROW_VALUES> values_{};
  size_t count_ = 0;
};

// The root for intervals that fit.
pm_narrow_block Root(std::span<const Intervals::value_type> intervals, const Values& values) {
  pm_narrow_block root{};
  std::ranges::copy(values.values(), root.value);
  for (size_t i = 0; i < PM_NARROW_FANOUT; ++i) {
    const bool used = i < intervals.size();
    const uint32_t value = used ? intervals[i].second : intervals.back().second;
    root.choice |= values.NumberOf(value) << (2 * (PM_NARROW_FANOUT - 1 - i));
    if (i == 0) continue;
    const uint64_t first = used ? intervals[i].first | PM_NARROW_GUARD : 2 * PM_NARROW_GUARD - 1;
    root.first[(i - 1) / 4] |= first << (i - 1) % 4 * 16;
  }
  return root;
}

// As many intervals from the first on as possible, for what is one block further costs another line
// of memory; a tree for the others.
pm_narrow_block Root(Intervals intervals, TreeTable* trees) {
  Values values;
  size_t fit = 0, fit_beside_tree = 0;
  while (fit < std::min<size_t>(intervals.size(), PM_NARROW_FANOUT) &&
         values.Add(intervals[fit].second)) {
    ++fit;
    if (fit < PM_NARROW_FANOUT && values.count() < PM_NARROW_VALUES) fit_beside_tree = fit;
  }
  if (fit == intervals.size()) return Root(intervals, values);
  Intervals others(intervals.begin() + static_cast<ptrdiff_t>(fit_beside_tree), intervals.end());
  others.front().first = 0;
  intervals.resize(fit_beside_tree + 1);
  intervals.back().second = PM_ADDRESS_TREE | PM_ADDRESS_DEEPER | trees->Add(std::move(others));
  values = {};
  for (const auto& [first, value] : intervals) values.Add(value);
  return Root(intervals, values);
}

}  // namespace

Ipv4Index::Ipv4Index(PrefixClasses prefixes, uint32_t outer, TreeTable* trees) {
  const WideIntervals intervals = AddressIntervals(prefixes, outer, 0, 32, trees);
  const bool many = intervals.size() >= kMany;
  rest_ = 32 - (many ? RootBits(intervals.size()) : kWordBits);
  const uint64_t count = uint64_t{1} << (32 - rest_);
  if (many)
    roots_.reserve(count);
  else
    words_.reserve(count);
  uint32_t before = intervals.front().second;  // the class of the address before
  size_t next = 0;
  for (uint64_t index = 0; index < count; ++index) {
    const uint64_t begin = index << rest_, end = begin + (uint64_t{1} << rest_);
    Intervals here;
    if (next == intervals.size() || intervals[next].first != begin) here.emplace_back(0, before);
    for (; next < intervals.size() && intervals[next].first < end; ++next)
      here.emplace_back(static_cast<uint32_t>(intervals[next].first - begin),
                        intervals[next].second);
    before = here.back().second;
    if (many)
      roots_.push_back(std::bit_cast<pm_block>(Root(std::move(here), trees)));
    else
      words_.push_back(here.size() == 1
                           ? before
                           : PM_ADDRESS_TREE | PM_ADDRESS_DEEPER | trees->Add(std::move(here)));
  }
}

}  // namespace portmatrix
