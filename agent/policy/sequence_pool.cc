// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/sequence_pool.h"

#include <algorithm>

namespace portmatrix {
namespace {

constexpr size_t kFirstSlots = 64;

uint64_t HashOf(std::span<const uint32_t> numbers) {
  uint64_t hash = numbers.size();
  for (const uint32_t number : numbers) {
    hash = (hash ^ number) * 0x9e3779b97f4a7c15;
    hash ^= hash >> 29;
  }
  return hash ^ (hash >> 32);
}

}  // namespace

SequencePool::Id SequencePool::Add(std::span<const uint32_t> numbers) {
  if (hashes_.size() * 2 >= slots_.size()) Grow();
  const uint64_t hash = HashOf(numbers);
  size_t slot = hash & (slots_.size() - 1);
  for (; slots_[slot] != 0; slot = (slot + 1) & (slots_.size() - 1)) {
    const Id known = slots_[slot] - 1;
    if (hashes_[known] == hash && std::ranges::equal(at(known), numbers)) return known;
  }
  const auto id = static_cast<Id>(hashes_.size());
  slots_[slot] = id + 1;
  hashes_.push_back(hash);
  numbers_.insert(numbers_.end(), numbers.begin(), numbers.end());
  ends_.push_back(numbers_.size());
  return id;
}

void SequencePool::Grow() {
  slots_.assign(std::max(kFirstSlots, slots_.size() * 2), 0);
  for (size_t id = 0; id < hashes_.size(); ++id) {
    size_t slot = hashes_[id] & (slots_.size() - 1);
    while (slots_[slot] != 0) slot = (slot + 1) & (slots_.size() - 1);
    slots_[slot] = static_cast<uint32_t>(id + 1);
  }
}

}  // namespace portmatrix
