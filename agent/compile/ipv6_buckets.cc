// SPDX-License-Identifier: Apache-2.0
#include "agent/compile/ipv6_buckets.h"

#include <algorithm>
#include <bit>
#include <cmath>
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

// Eight words for each group, so that addresses near none mostly meet no tree; or a root for one or
// two, which is as many as fit.
int BucketBits(size_t groups) {
  const auto bits = static_cast<int>(std::bit_width(groups));
  return groups >= kMany ? bits - 1 : std::clamp(bits + 3, kLeastWordBits, kMostWordBits);
}

// How many bits to spread: those with which an address meets the fewest levels. An address near a
// long prefix meets those of its bucket, any other also those of the shorter prefixes.
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
    const size_t others = 2 * longer >> BucketBits(groups.size());
    double levels = 0;
    for (const size_t size : groups)
      levels += static_cast<double>(size * LevelsOf(2 * size + 1 + others, PM_WIDE_FANOUT));
    if (longer > 0) levels /= static_cast<double>(longer);
    if (shorter > 0) levels += static_cast<double>(LevelsOf(2 * shorter + 1, PM_WIDE_FANOUT));
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
  std::vector<PrefixClass> shorter;
  for (const PrefixClass& entry : prefixes)
    if (entry.prefix.length < split_) shorter.push_back(entry);
  around_ = AddressIntervals(shorter, outer, 0, 64, trees_);
  shorter_ = WideWord(around_, trees_);
  if (shorter_ & PM_ADDRESS_TREE) shorter_ |= PM_ADDRESS_DEEPER;
  AddGroups(prefixes);

  const int bits = BucketBits(groups_.size());
  if (groups_.size() >= kMany) roots_ = trees_->AddRoots(size_t{1} << bits);
  rest_ = 64 - bits;
  size_t next = 0;
  for (uint32_t bucket = 0; bucket < uint32_t{1} << bits; ++bucket) {
    WideIntervals intervals = Bucket(bucket, &next);
    if (roots_ != 0)
      trees_->SetRoot(roots_ + bucket, std::move(intervals));
    else if (intervals.size() == 1)
      words_.push_back(intervals.front().second);
    else
      words_.push_back(PM_ADDRESS_TREE | PM_ADDRESS_DEEPER | trees_->AddRest(std::move(intervals)));
  }
}

void Ipv6Buckets::AddGroups(PrefixClasses prefixes) {
  size_t around = 0;
  for (size_t i = 0; i < prefixes.size();) {
    const uint64_t half = HalfOf(prefixes[i]);
    if (prefixes[i].prefix.length < split_) {
      ++i;
      continue;
    }
    size_t end = i + 1;
    while (end < prefixes.size() && HalfOf(prefixes[end]) >> unspread() == half >> unspread())
      ++end;
    const uint64_t first = half >> unspread() << unspread();
    while (around + 1 < around_.size() && around_[around + 1].first <= first) ++around;
    const WideIntervals made = AddressIntervals(prefixes.subspan(i, end - i),
                                                around_[around].second, split_, unspread(), trees_);
    groups_.push_back({PM_IPV6_SPREAD_KEY(first, unspread()), stretches_.size(),
                       stretches_.size() + made.size()});
    stretches_.insert(stretches_.end(), made.begin(), made.end());
    i = end;
  }
  std::ranges::sort(groups_, {}, &Group::key);
}

WideIntervals Ipv6Buckets::Bucket(uint64_t bucket, size_t* next) const {
  const uint32_t elsewhere = around_.size() == 1 ? shorter_ : PM_ADDRESS_SHORTER;
  const uint64_t end = uint64_t{1} << rest_;
  WideIntervals intervals;
  uint64_t behind = 0;  // where the stretches so far end
  for (; *next < groups_.size() && groups_[*next].key >> rest_ == bucket; ++*next) {
    const Group& group = groups_[*next];
    const uint64_t key = group.key & (end - 1);
    if (key > behind) Append(behind, elsewhere, &intervals);
    for (size_t i = group.begin; i < group.end; ++i)
      Append(key + stretches_[i].first, stretches_[i].second, &intervals);
    behind = key + (uint64_t{1} << unspread());
  }
  if (behind < end) Append(behind, elsewhere, &intervals);
  return intervals;
}

}  // namespace portmatrix
