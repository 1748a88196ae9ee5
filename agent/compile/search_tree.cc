// SPDX-License-Identifier: Apache-2.0
#include "agent/compile/search_tree.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace portmatrix {

TreeTable::TreeTable() { Add({{0, 0}}); }

uint32_t TreeTable::AddBlock(const pm_block& block) {
  std::array<uint64_t, sizeof block / sizeof(uint64_t)> words{};
  std::memcpy(words.data(), &block, sizeof block);
  uint64_t hash = 0;
  for (const uint64_t word : words) hash = MixIn(hash, word);
  const uint32_t number = known_.FindOrAdd(
      hash, static_cast<uint32_t>(blocks_.size()),
      [&](uint32_t known) { return std::memcmp(&blocks_[known], &block, sizeof block) == 0; });
  if (number == blocks_.size()) blocks_.push_back(block);
  return number;
}

namespace {

// How blocks and references of a kind of tree are made.
template <typename Key>
struct Kind;

template <>
struct Kind<uint32_t> {
  static constexpr size_t kFanout = PM_TREE_FANOUT;
  static constexpr int kReferenceShift = 3;
};

template <>
struct Kind<uint64_t> {
  static constexpr size_t kFanout = PM_WIDE_FANOUT;
  static constexpr int kReferenceShift = 4;
};

template <typename Key>
uint32_t Reference(uint32_t block, uint32_t levels) {
  return block << Kind<Key>::kReferenceShift | levels;
}

// The block of up to kFanout intervals from `at` on.
pm_block Block(const Intervals& level, size_t at) {
  pm_block block{};
  for (size_t i = 0; i < PM_TREE_FANOUT; ++i) {
    const bool used = at + i < level.size();
    block.word[i] = used ? level[at + i].first | PM_TREE_GUARD : PM_TREE_UNUSED;
    if (used) block.word[PM_BLOCK_WORDS - 1 - i] = level[at + i].second;
  }
  return block;
}

pm_block Block(const WideIntervals& level, size_t at) {
  const size_t used = std::min<size_t>(level.size() - at, PM_WIDE_FANOUT);
  pm_wide_block wide{};
  for (size_t i = 1; i < PM_WIDE_FANOUT; ++i)
    wide.first[i - 1] = i < used ? level[at + i].first : PM_WIDE_UNUSED;
  for (size_t i = 0; i < PM_WIDE_FANOUT; ++i)
    wide.value[i] = level[at + std::min(i, used - 1)].second;
  pm_block block{};
  std::memcpy(&block, &wide, sizeof block);
  return block;
}

}  // namespace

template <typename Key>
std::vector<std::pair<Key, uint32_t>> TreeTable::AddLevel(
    const std::vector<std::pair<Key, uint32_t>>& level) {
  std::vector<std::pair<Key, uint32_t>> above;
  for (size_t at = 0; at < level.size(); at += Kind<Key>::kFanout)
    above.emplace_back(level[at].first, AddBlock(Block(level, at)));
  return above;
}

template <typename Key>
uint32_t TreeTable::AddTree(std::vector<std::pair<Key, uint32_t>> intervals) {
  uint32_t levels = 1;
  for (; intervals.size() > Kind<Key>::kFanout; ++levels) intervals = AddLevel(intervals);
  return Reference<Key>(AddBlock(Block(intervals, 0)), levels);
}

template uint32_t TreeTable::AddTree(Intervals intervals);
template uint32_t TreeTable::AddTree(WideIntervals intervals);

uint32_t TreeTable::AddRoots(std::span<const pm_block> roots) {
  const auto first = static_cast<uint32_t>(blocks_.size());
  blocks_.insert(blocks_.end(), roots.begin(), roots.end());
  return first;
}

uint32_t TreeTable::AddWide(const WideIntervals& intervals) {
  // By the key's top bit, which the keys of a half then do without.
  constexpr uint64_t kHalf = uint64_t{1} << 63;
  std::array<WideIntervals, 2> halves;
  for (const auto& [first, value] : intervals) {
    if (first < kHalf) halves[0].emplace_back(first, value);
    if (first > kHalf && halves[1].empty()) halves[1].emplace_back(0, halves[0].back().second);
    if (first >= kHalf) halves[1].emplace_back(first - kHalf, value);
  }
  if (halves[1].empty()) halves[1].emplace_back(0, halves[0].back().second);
  uint32_t levels = 1;
  for (; std::max(halves[0].size(), halves[1].size()) > PM_WIDE_FANOUT; ++levels)
    for (WideIntervals& half : halves) half = AddLevel(half);
  // The roots stand side by side, so they are not shared.
  const pm_block roots[] = {Block(halves[0], 0), Block(halves[1], 0)};
  return Reference<uint64_t>(AddRoots(roots), levels);
}

}  // namespace portmatrix
