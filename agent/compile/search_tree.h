// SPDX-License-Identifier: Apache-2.0
// Search trees from keys to values (maps/layout.h, "A search tree"). Equal blocks are stored once.
#ifndef PORTMATRIX_AGENT_COMPILE_SEARCH_TREE_H_
#define PORTMATRIX_AGENT_COMPILE_SEARCH_TREE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "maps/hash_index.h"
#include "maps/layout.h"

namespace portmatrix {

// A function from keys to values that is constant on intervals: pairs of an interval's first key
// and its value, ascending, the first key zero, neighbours different.
using Intervals = std::vector<std::pair<uint32_t, uint32_t>>;

// The same over 64 bits.
using WideIntervals = std::vector<std::pair<uint64_t, uint32_t>>;

// Appends an interval unless it only goes on with the last one's value.
template <typename Key>
void Append(Key first, uint32_t value, std::vector<std::pair<Key, uint32_t>>* intervals) {
  if (intervals->empty() || intervals->back().second != value)
    intervals->emplace_back(first, value);
}

// The levels of a tree for so many intervals; one interval needs none.
constexpr size_t LevelsOf(size_t intervals, size_t fanout) {
  size_t levels = 0;
  for (; intervals > 1; ++levels) intervals = (intervals + fanout - 1) / fanout;
  return levels;
}

class TreeTable {
 public:
  TreeTable();  // with the empty tree as block 0

  // Makes room for about so many blocks.
  void Expect(size_t blocks) { known_.Reserve(blocks); }

  // The reference of a tree for `intervals`, with keys of up to 24 bits.
  uint32_t Add(Intervals intervals) { return AddTree(std::move(intervals)); }
  // The reference of a wide tree for keys of 64 bits.
  uint32_t AddWide(const WideIntervals& intervals);
  // The same for keys without the top bit, which need one root.
  uint32_t AddRest(WideIntervals intervals) { return AddTree(std::move(intervals)); }

  // Adds blocks that stand side by side, as they are; the number of the first.
  uint32_t AddRoots(std::span<const pm_block> roots);

  const std::vector<pm_block>& blocks() const { return blocks_; }

 private:
  uint32_t AddBlock(const pm_block& block);
  template <typename Key>
  uint32_t AddTree(std::vector<std::pair<Key, uint32_t>> intervals);
  // The level above `level`, whose blocks are added.
  template <typename Key>
  std::vector<std::pair<Key, uint32_t>> AddLevel(
      const std::vector<std::pair<Key, uint32_t>>& level);

  std::vector<pm_block> blocks_;
  HashIndex known_;  // of blocks_, without roots
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_COMPILE_SEARCH_TREE_H_
