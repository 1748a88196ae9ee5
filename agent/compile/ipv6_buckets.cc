// SPDX-License-Identifier: Apache-2.0
#include "agent/compile/ipv6_buckets.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <iterator>
#include <numeric>
#include <utility>

namespace portmatrix {
namespace {

uint64_t HalfOf(const PrefixClass& entry) { return BitsOf(entry.prefix.address, 0, 64); }

constexpr int kSplits[] = {56, 48, 40, 32};
// Buckets that have words: so many as the front holds, because words beyond it cost more than a
// tree's level.
constexpr int kLeastWordBits = 6, kMostWordBits = 16;
// From so many groups of prefixes that share the first bits on, most words would name trees: memory
// far away is met twice.
constexpr size_t kMany = size_t{1} << kMostWordBits;
static_assert(64 - kMostWordBits <= PM_PREFIX_KEY_BITS, "a root's key has room for the rest");

// Eight words for each group, so that addresses near none mostly meet no tree; or a root for one or
// two, so that three mostly are room enough.
int BucketBits(size_t groups) {
  const auto bits = static_cast<int>(std::bit_width(groups));
  return groups >= kMany ? bits - 1 : std::clamp(bits + 3, kLeastWordBits, kMostWordBits);
}

// Of a number that names a bit: sixteen for each group, as far as the front holds them.
int NearBits(size_t groups) {
  return std::min(static_cast<int>(std::bit_width(groups)) + 4, kMostWordBits + 5);
}

// How many blocks meets an address near a group of so many prefixes, where there are so many groups
// and prefixes?
size_t BucketLevels(size_t size, size_t groups, size_t prefixes) {
  const size_t others = prefixes >> BucketBits(groups);
  if (groups < kMany) return LevelsOf(2 * (size + others) + 1, PM_WIDE_FANOUT);
  if (size + others <= PM_PREFIXES) return 1;
  return 1 + LevelsOf(2 * (size + others - PM_PREFIXES) + 1, PM_WIDE_FANOUT);
}

// How many bits to spread: those with which an address meets the fewest levels. An address near a
// long prefix meets those of its bucket, any other also those of the shorter prefixes. (Beside
// roots these count half, for they are close at hand.)
int BestSplit(PrefixClasses prefixes) {
  int best = kSplits[0];
  double least = HUGE_VAL;
  for (const int split : kSplits) {
    // What lies in one bucket by its first bits, as it comes: a /64 counts once, whatever is in it.
    size_t shorter = 0, longer = 0;
    std::vector<size_t> groups;
    uint64_t group = 0, half = 0;
    for (const PrefixClass& entry : prefixes) {
      if (entry.prefix.length < split) {
        ++shorter;
        continue;
      }
      const uint64_t at = HalfOf(entry);
      if (groups.empty() || group != at >> (64 - split))
        groups.push_back(0);
      else if (at == half && entry.prefix.length > 64)
        continue;
      group = at >> (64 - split);
      half = at;
      ++groups.back();
      ++longer;
    }
    double levels = 0;
    for (const size_t size : groups)
      levels += static_cast<double>(size * BucketLevels(size, groups.size(), longer));
    if (longer > 0) levels /= static_cast<double>(longer);
    if (shorter > 0)
      levels += static_cast<double>(LevelsOf(2 * shorter + 1, PM_WIDE_FANOUT)) /
                (groups.size() < kMany ? 1 : 2);
    if (levels < least) {
      least = levels;
      best = split;
    }
  }
  return best;
}

}  // namespace

Ipv6Buckets::Ipv6Buckets(PrefixClasses prefixes, uint32_t outer, TreeTable* trees)
    : split_(BestSplit(prefixes)), trees_(trees) {
  std::vector<PrefixClass> shorter, longer;
  for (const PrefixClass& entry : prefixes)
    (entry.prefix.length < split_ ? shorter : longer).push_back(entry);
  around_ = AddressIntervals(shorter, outer, 0, 64, trees_);
  shorter_ = WideWord(around_, trees_);
  if (shorter_ & PM_ADDRESS_TREE) shorter_ |= PM_ADDRESS_DEEPER;
  SortByKey(&longer);
  size_t groups = 0;
  for (size_t i = 0; i < longer.size(); ++i)
    groups += i == 0 || KeyOf(longer[i]) >> unspread() != KeyOf(longer[i - 1]) >> unspread();

  const bool many = groups >= kMany;
  const int bits = BucketBits(groups);
  rest_ = 64 - bits;
  if (many) {
    roots_.reserve(size_t{1} << bits);
    near_ = 64 - NearBits(groups);
    words_.resize(size_t{1} << (NearBits(groups) - 5));
    for (const PrefixClass& entry : longer) {
      const uint64_t bit = KeyOf(entry) >> near_;
      words_[bit / 32] |= 1u << bit % 32;
    }
  }
  PrefixClasses left = longer;
  for (uint32_t bucket = 0; bucket < uint32_t{1} << bits; ++bucket) {
    size_t here = 0;
    while (here < left.size() && KeyOf(left[here]) >> rest_ == bucket) ++here;
    if (many)
      roots_.push_back(std::bit_cast<pm_block>(Root(left.first(here))));
    else
      words_.push_back(WordOf(Bucket(left.first(here))));
    left = left.subspan(here);
  }
}

void Ipv6Buckets::SortByKey(std::vector<PrefixClass>* prefixes) const {
  std::vector<std::pair<uint64_t, size_t>> order;
  for (const PrefixClass& entry : *prefixes) order.emplace_back(KeyOf(entry), order.size());
  std::ranges::sort(order);
  std::vector<PrefixClass> sorted;
  for (const auto& [key, at] : order) sorted.push_back((*prefixes)[at]);
  *prefixes = std::move(sorted);
}

uint64_t Ipv6Buckets::KeyOf(const PrefixClass& entry) const {
  return PM_IPV6_SPREAD_KEY(HalfOf(entry), unspread());
}

uint32_t Ipv6Buckets::Elsewhere() const {
  return around_.size() == 1 ? shorter_ : PM_ADDRESS_SHORTER;
}

uint32_t Ipv6Buckets::WordOf(WideIntervals intervals) const {
  if (intervals.size() == 1) return intervals.front().second;
  return PM_ADDRESS_TREE | PM_ADDRESS_DEEPER | trees_->AddRest(std::move(intervals));
}

WideIntervals Ipv6Buckets::Bucket(PrefixClasses prefixes) const {
  const uint64_t end = uint64_t{1} << rest_;
  WideIntervals intervals;
  uint64_t behind = 0;  // where the stretches so far end
  for (size_t i = 0; i < prefixes.size();) {
    const uint64_t group = KeyOf(prefixes[i]) >> unspread();
    const uint64_t half = HalfOf(prefixes[i]) >> unspread() << unspread();
    const size_t first = i;
    while (i < prefixes.size() && KeyOf(prefixes[i]) >> unspread() == group) ++i;
    const auto around =
        std::ranges::upper_bound(around_, half, {}, &WideIntervals::value_type::first);
    const WideIntervals made = AddressIntervals(
        prefixes.subspan(first, i - first), std::prev(around)->second, split_, unspread(), trees_);
    const uint64_t key = group << unspread() & (end - 1);
    if (key > behind) Append(behind, Elsewhere(), &intervals);
    for (const auto& [begin, word] : made) Append(key + begin, word, &intervals);
    behind = key + (uint64_t{1} << unspread());
  }
  if (behind < end) Append(behind, Elsewhere(), &intervals);
  return intervals;
}

pm_prefix_block Ipv6Buckets::Root(PrefixClasses prefixes) const {
  // The longest ones, the longest first: none of the others is in one of them.
  std::vector<size_t> order(prefixes.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const size_t used = std::min<size_t>(prefixes.size(), PM_PREFIXES);
  const auto behind = order.begin() + static_cast<ptrdiff_t>(used);
  std::ranges::partial_sort(order, behind, std::greater{},
                            [&](size_t i) { return prefixes[i].prefix.length; });
  std::sort(behind, order.end());
  std::vector<PrefixClass> others;
  for (auto i = behind; i != order.end(); ++i) others.push_back(prefixes[*i]);

  pm_prefix_block root{};
  const uint32_t otherwise = WordOf(Bucket(others));
  std::ranges::fill(root.value, otherwise);
  for (size_t i = 0; used > 0 && i < PM_PREFIXES; ++i) {
    const PrefixClass& entry = prefixes[order[i < used ? i : 0]];
    const int free = 128 - entry.prefix.length;
    root.first[i] = PM_PREFIX_KEY(KeyOf(entry) & ((uint64_t{1} << rest_) - 1),
                                  std::max(0, free - 64), std::min(64, free));
    root.second[i] = BitsOf(entry.prefix.address, 64, 64);
    root.value[i] = entry.address_class;
  }
  return root;
}

}  // namespace portmatrix
