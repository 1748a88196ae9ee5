// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/sequence_pool.h"

#include <algorithm>

namespace portmatrix {
namespace {

uint64_t HashOf(std::span<const uint32_t> numbers) {
  uint64_t hash = numbers.size();
  for (const uint32_t number : numbers) hash = MixIn(hash, number);
  return hash;
}

}  // namespace

SequencePool::Id SequencePool::Add(std::span<const uint32_t> numbers) {
  const auto next = static_cast<Id>(size());
  const Id id = index_.FindOrAdd(HashOf(numbers), next, [&](uint32_t known) {
    return std::ranges::equal(at(known), numbers);
  });
  if (id != next) return id;
  numbers_.insert(numbers_.end(), numbers.begin(), numbers.end());
  ends_.push_back(numbers_.size());
  return id;
}

}  // namespace portmatrix
