// SPDX-License-Identifier: Apache-2.0
// Sequences of numbers, by number: equal ones share one, so that comparing them costs nothing. They
// stand one behind the other in one piece of memory.
#ifndef PORTMATRIX_AGENT_POLICY_SEQUENCE_POOL_H_
#define PORTMATRIX_AGENT_POLICY_SEQUENCE_POOL_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "maps/hash_index.h"

namespace portmatrix {

class SequencePool {
 public:
  using Id = uint32_t;  // 0, 1, ... in the order in which they came

  Id Add(std::span<const uint32_t> numbers);
  // Valid until the next Add.
  std::span<const uint32_t> at(Id id) const {
    return std::span(numbers_).subspan(ends_[id], ends_[id + 1] - ends_[id]);
  }
  size_t size() const { return ends_.size() - 1; }

 private:
  std::vector<uint32_t> numbers_;
  std::vector<size_t> ends_ = {0};  // of the sequence before, so where each begins
  HashIndex index_;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_SEQUENCE_POOL_H_
