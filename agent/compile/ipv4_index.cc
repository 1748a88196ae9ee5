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

// Intervals, cut into stretches of keys one behind the other.
class Cutting {
 public:
  explicit Cutting(const WideIntervals& intervals) : left_(intervals) {}

  // Does the next stretch, of `size` keys, have one value?
  bool IsEven(uint64_t size) const { return left_.size() == 1 || left_[1].first >= begin_ + size; }
  // Its first value.
  uint32_t value() const { return left_.front().second; }
  // It as intervals of its own keys.
  Intervals Take(uint64_t size) const {
    Intervals taken{{0, value()}};
    for (size_t i = 1; i < left_.size() && left_[i].first < begin_ + size; ++i)
      taken.emplace_back(static_cast<uint32_t>(left_[i].first - begin_), left_[i].second);
    return taken;
  }
  void Pass(uint64_t size) {
    begin_ += size;
    while (left_.size() > 1 && left_[1].first <= begin_) left_ = left_.subspan(1);
  }

 private:
  uint64_t begin_ = 0;  // of the next stretch, in the first interval that is left
  std::span<const WideIntervals::value_type> left_;
};

uint32_t WordOfTree(Intervals intervals, TreeTable* trees) {
  return PM_ADDRESS_TREE | PM_ADDRESS_DEEPER | trees->Add(std::move(intervals));
}

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
  intervals.back().second = WordOfTree(std::move(others), trees);
  values = {};
  for (const auto& [first, value] : intervals) values.Add(value);
  return Root(intervals, values);
}

}  // namespace

Ipv4Index::Ipv4Index(PrefixClasses prefixes, uint32_t outer, TreeTable* trees) {
  const WideIntervals intervals = AddressIntervals(prefixes, outer, 0, 32, trees);
  if (intervals.size() >= kMany)
    MakeRoots(intervals, trees);
  else
    MakeWords(intervals, trees);
}

void Ipv4Index::MakeRoots(const WideIntervals& intervals, TreeTable* trees) {
  const int bits = RootBits(intervals.size());
  rest_ = 32 - bits;
  const uint64_t stretch = uint64_t{1} << rest_;
  roots_.reserve(size_t{1} << bits);
  Cutting cutting(intervals);
  for (uint32_t root = 0; root < 1u << bits; ++root, cutting.Pass(stretch))
    roots_.push_back(std::bit_cast<pm_block>(Root(cutting.Take(stretch), trees)));
}

void Ipv4Index::MakeWords(const WideIntervals& intervals, TreeTable* trees) {
  rest_ = 32 - kWordBits;
  const uint64_t stretch = uint64_t{1} << rest_;
  words_.reserve(size_t{1} << kWordBits);
  Cutting cutting(intervals);
  for (uint32_t word = 0; word < 1u << kWordBits; ++word, cutting.Pass(stretch))
    words_.push_back(cutting.IsEven(stretch) ? cutting.value()
                                             : WordOfTree(cutting.Take(stretch), trees));
}

}  // namespace portmatrix
