// SPDX-License-Identifier: Apache-2.0
// The words of all IPv4 addresses (maps/layout.h, "The address stage").
#ifndef PORTMATRIX_AGENT_COMPILE_IPV4_INDEX_H_
#define PORTMATRIX_AGENT_COMPILE_IPV4_INDEX_H_

#include <cstdint>
#include <vector>

#include "agent/compile/address_intervals.h"

namespace portmatrix {

class Ipv4Index {
 public:
  // Trees are added to `trees`. Outside of `prefixes` the class is `outer`.
  Ipv4Index(PrefixClasses prefixes, uint32_t outer, TreeTable* trees);

  // Empty where there are roots.
  const std::vector<uint32_t>& words() const { return words_; }
  // pm_narrow_block. Empty where there are words.
  const std::vector<pm_block>& roots() const { return roots_; }
  // How many bits of an address are left beside the index.
  int rest() const { return rest_; }

 private:
  void MakeRoots(const WideIntervals& intervals, TreeTable* trees);
  void MakeWords(const WideIntervals& intervals, TreeTable* trees);

  int rest_ = 0;
  std::vector<uint32_t> words_;
  std::vector<pm_block> roots_;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_COMPILE_IPV4_INDEX_H_
