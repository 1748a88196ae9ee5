// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/address_pool.h"

#include <algorithm>

namespace portmatrix {
namespace {

// Answers about sets smaller than this are found again faster than they are looked up.
constexpr size_t kRemembered = 32;

}  // namespace

size_t AddressPool::Add(const AddressSet& set) {
  const size_t hash = set.Hash();
  const auto [first, last] = by_hash_.equal_range(hash);
  for (auto known = first; known != last; ++known) {
    if (*sets_[known->second] == set) return known->second;
  }
  by_hash_.emplace(hash, sets_.size());
  sets_.push_back(&set);
  return sets_.size() - 1;
}

template <typename Ask>
bool AddressPool::Remember(Memory& memory, size_t left, size_t right, WorkBudget& budget, Ask ask) {
  const size_t cost = std::min(at(left).prefixes().size(), at(right).prefixes().size()) + 1;
  if (cost < kRemembered) {
    budget.Spend(cost);
    return ask();
  }
  const auto [answer, added] = memory.try_emplace(uint64_t{left} << 32 | right);
  budget.Spend(added ? cost * 8 : 4);
  if (added) answer->second = ask();
  return answer->second;
}

bool AddressPool::Intersects(size_t left, size_t right, WorkBudget& budget) {
  if (left == right) return !at(left).empty();
  return Remember(intersects_, left, right, budget, [&] { return at(left).Intersects(at(right)); });
}

bool AddressPool::Contains(size_t outer, size_t inner, WorkBudget& budget) {
  if (outer == inner || at(outer).any()) return true;
  return Remember(contains_, outer, inner, budget,
                  [&] { return at(outer).ContainsAll(at(inner)); });
}

}  // namespace portmatrix
