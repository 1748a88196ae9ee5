// SPDX-License-Identifier: Apache-2.0
// The words of all IPv6 addresses (maps/layout.h, "The address stage").
#ifndef PORTMATRIX_AGENT_COMPILE_IPV6_BUCKETS_H_
#define PORTMATRIX_AGENT_COMPILE_IPV6_BUCKETS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "agent/compile/address_intervals.h"

namespace portmatrix {

class Ipv6Buckets {
 public:
  // Trees are added to `trees`. Outside of `prefixes` the class is `outer`.
  Ipv6Buckets(PrefixClasses prefixes, uint32_t outer, TreeTable* trees);

  // By bucket; where there are roots the bits that say where prefixes are near.
  const std::vector<uint32_t>& words() const { return words_; }
  // pm_prefix_block by bucket. Empty where a bucket has a word.
  const std::vector<pm_block>& roots() const { return roots_; }
  // How many bits of a key are left beside its bucket's number.
  int rest() const { return rest_; }
  // How many bits of a key are left beside its bit, where there are roots.
  int near() const { return near_; }
  // How many of the first 64 bits are not spread.
  int unspread() const { return 64 - split_; }
  // The word that decides on addresses near no prefix of at least `split` bits.
  uint32_t shorter() const { return shorter_; }

 private:
  // Of the first address of the prefix.
  uint64_t KeyOf(const PrefixClass& entry) const;
  // Those that share their first bits stay side by side and in their order.
  void SortByKey(std::vector<PrefixClass>* prefixes) const;
  // What a bucket's prefixes make of the rest of a key.
  WideIntervals Bucket(PrefixClasses prefixes) const;
  uint32_t WordOf(WideIntervals intervals) const;
  pm_prefix_block Root(PrefixClasses prefixes) const;
  // What decides on addresses of a bucket that are near none of its prefixes.
  uint32_t Elsewhere() const;

  const int split_;
  int rest_ = 0, near_ = 0;
  TreeTable* trees_;
  WideIntervals around_;  // what the shorter prefixes make of the first 64 bits
  uint32_t shorter_ = 0;
  std::vector<uint32_t> words_;
  std::vector<pm_block> roots_;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_COMPILE_IPV6_BUCKETS_H_
