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

  // By bucket. Empty where there are roots.
  const std::vector<uint32_t>& words() const { return words_; }
  // The first root block; zero: there are words.
  uint32_t roots() const { return roots_; }
  // How many bits of a key are left beside its bucket's number.
  int rest() const { return rest_; }
  // How many of the first 64 bits are not spread.
  int unspread() const { return 64 - split_; }
  // The word that decides on addresses near no prefix of at least `split` bits.
  uint32_t shorter() const { return shorter_; }

 private:
  // Prefixes that share the first bits, as the stretches that they make of the others.
  struct Group {
    uint64_t key;  // of its first address
    size_t begin, end;
  };

  void AddGroups(PrefixClasses prefixes);
  // What a bucket makes of the rest of a key. Its groups begin at `*next`, which then names the
  // next one's.
  WideIntervals Bucket(uint64_t bucket, size_t* next) const;

  const int split_;
  int rest_ = 0;
  TreeTable* trees_;
  WideIntervals around_;  // what the shorter prefixes make of the first 64 bits
  uint32_t shorter_ = 0;
  std::vector<Group> groups_;
  WideIntervals stretches_;
  std::vector<uint32_t> words_;
  uint32_t roots_ = 0;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_COMPILE_IPV6_BUCKETS_H_
