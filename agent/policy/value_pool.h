// SPDX-License-Identifier: Apache-2.0
// Sets of numbers as stretches, by number: equal sets share one, so that comparing them costs
// nothing.
#ifndef PORTMATRIX_AGENT_POLICY_VALUE_POOL_H_
#define PORTMATRIX_AGENT_POLICY_VALUE_POOL_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <unordered_map>
#include <vector>

#include "agent/policy/axis.h"

namespace portmatrix {

using Values = Stretches<uint32_t>;  // ascending, disjoint, none right behind another

class ValuePool {
 public:
  using Id = uint32_t;
  static constexpr Id kAll = 0;  // every value of the axis, whichever it is

  ValuePool() { values_.emplace_back(); }

  // `values` ascend and do not overlap; those that touch are joined. `last` is the axis's greatest
  // value.
  Id Add(const Values& values, uint32_t last);
  // The union of two sets that have no value in common.
  Id Join(Id left, Id right, uint32_t last);
  const Values& at(Id id) const { return values_[id]; }  // not of kAll

 private:
  std::deque<Values> values_;
  std::unordered_multimap<size_t, Id> by_hash_;
};

// One number made of many, in their order.
class Hasher {
 public:
  void Add(uint64_t value) {
    hash_ ^= value + 0x9e3779b97f4a7c15 + (hash_ << 6) + (hash_ >> 2);
    hash_ *= 0xff51afd7ed558ccd;
  }
  size_t hash() const { return static_cast<size_t>(hash_ ^ (hash_ >> 32)); }

 private:
  uint64_t hash_ = 0;
};

struct NumbersHash {
  size_t operator()(const std::vector<uint32_t>& numbers) const {
    Hasher hasher;
    for (const uint32_t number : numbers) hasher.Add(number);
    return hasher.hash();
  }
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_VALUE_POOL_H_
