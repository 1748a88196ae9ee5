// SPDX-License-Identifier: Apache-2.0
#include "agent/compile/ipv4_index.h"

#include <cmath>

namespace portmatrix {
namespace {

struct Size {
  int rest;
  double cost;  // of a word, in levels of a tree: those of a larger index come from further away
};
constexpr Size kSizes[] = {{16, 0}, {12, .7}};

// With which size an address meets the fewest levels: half of them stand near prefixes, as often
// near each; half stand anywhere.
int BestRest(const WideIntervals& intervals) {
  int best = kSizes[0].rest;
  double least = HUGE_VAL;
  for (const Size& size : kSizes) {
    size_t near = 0, anywhere = 0;
    for (size_t i = 0; i < intervals.size();) {
      const uint64_t word = intervals[i].first >> size.rest;
      const bool goes_on = intervals[i].first != word << size.rest;
      const size_t begin = i;
      while (i < intervals.size() && intervals[i].first >> size.rest == word) ++i;
      const size_t levels = LevelsOf(i - begin + (goes_on ? 1 : 0), PM_TREE_FANOUT);
      near += (i - begin) * levels;
      anywhere += levels;
    }
    const double cost = static_cast<double>(near) / static_cast<double>(intervals.size()) / 2 +
                        std::ldexp(static_cast<double>(anywhere), size.rest - 32) / 2 + size.cost;
    if (cost >= least) continue;
    least = cost;
    best = size.rest;
  }
  return best;
}

}  // namespace

Ipv4Index::Ipv4Index(PrefixClasses prefixes, uint32_t outer, TreeTable* trees) {
  const WideIntervals intervals = AddressIntervals(prefixes, outer, 0, 32, trees);
  rest_ = BestRest(intervals);
  const uint64_t count = uint64_t{1} << (32 - rest_);
  words_.reserve(count);
  uint32_t before = intervals.front().second;  // the class of the address before
  Intervals here;
  size_t next = 0;
  for (uint64_t word = 0; word < count; ++word) {
    const uint64_t begin = word << rest_, end = begin + (uint64_t{1} << rest_);
    here.clear();
    if (next == intervals.size() || intervals[next].first != begin) here.emplace_back(0, before);
    for (; next < intervals.size() && intervals[next].first < end; ++next)
      here.emplace_back(static_cast<uint32_t>(intervals[next].first - begin),
                        intervals[next].second);
    before = here.back().second;
    words_.push_back(here.size() == 1 ? before : PM_ADDRESS_TREE | trees->Add(here));
  }
}

}  // namespace portmatrix
