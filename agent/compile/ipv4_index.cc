// SPDX-License-Identifier: Apache-2.0
#include "agent/compile/ipv4_index.h"

#include <bit>
#include <utility>

namespace portmatrix {
namespace {

// What a word's index has room for in the front.
constexpr int kWordBits = 16;
// From so many intervals on most words would name trees: memory far away is met twice.
constexpr size_t kMany = size_t{4} << kWordBits;

// Bits of the index of roots that hold four to eight intervals on average, which is as many as fit.
int RootBits(size_t intervals) { return static_cast<int>(std::bit_width(intervals / 4)) - 1; }

}  // namespace

Ipv4Index::Ipv4Index(PrefixClasses prefixes, uint32_t outer, TreeTable* trees) {
  const WideIntervals intervals = AddressIntervals(prefixes, outer, 0, 32, trees);
  const bool many = intervals.size() >= kMany;
  rest_ = 32 - (many ? RootBits(intervals.size()) : kWordBits);
  const uint64_t count = uint64_t{1} << (32 - rest_);
  if (many)
    roots_ = trees->AddRoots(count);
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
      trees->SetRoot(roots_ + static_cast<uint32_t>(index), std::move(here));
    else
      words_.push_back(here.size() == 1
                           ? before
                           : PM_ADDRESS_TREE | PM_ADDRESS_DEEPER | trees->Add(std::move(here)));
  }
}

}  // namespace portmatrix
