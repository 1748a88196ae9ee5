// SPDX-License-Identifier: Apache-2.0
// Search trees from keys to values (maps/layout.h, "A search tree"): for the services that an
// ordered list of rules tells apart, for the source ports below them, and for VLAN tags. Equal
// blocks are stored once.
#ifndef PORTMATRIX_AGENT_COMPILE_SERVICE_TREE_H_
#define PORTMATRIX_AGENT_COMPILE_SERVICE_TREE_H_

#include <array>
#include <cstdint>
#include <map>
#include <vector>

#include "agent/policy/model.h"
#include "maps/layout.h"

namespace portmatrix {

// A function from keys to values that is constant on intervals: pairs of an interval's first key
// and its value, ascending, the first key zero, neighbours different.
using Intervals = std::vector<std::pair<uint32_t, uint32_t>>;

class TreeTable {
 public:
  TreeTable();  // with the empty tree as block 0

  // The reference of a tree for `intervals`.
  uint32_t Add(const Intervals& intervals);
  const std::vector<pm_block>& blocks() const { return blocks_; }

 private:
  uint32_t AddBlock(const pm_block& block);

  std::vector<pm_block> blocks_;
  std::map<std::array<uint32_t, PM_BLOCK_WORDS>, uint32_t> known_;
};

// A rule or failsafe entry, and the value (PM_VALUE) that stands for it.
struct Candidate {
  const Match* match = nullptr;
  uint32_t value = 0;
};

// The reference of a tree that gives the first of `candidates` to match a service. Their addresses
// are not looked at.
uint32_t AddServiceTree(const std::vector<Candidate>& candidates, TreeTable* trees);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_COMPILE_SERVICE_TREE_H_
