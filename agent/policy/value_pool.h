// SPDX-License-Identifier: Apache-2.0
// Sets of numbers as stretches, by number: equal sets share one, so that comparing them costs
// nothing.
#ifndef PORTMATRIX_AGENT_POLICY_VALUE_POOL_H_
#define PORTMATRIX_AGENT_POLICY_VALUE_POOL_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "agent/policy/axis.h"
#include "agent/policy/sequence_pool.h"

namespace portmatrix {

using Values = Stretches<uint32_t>;  // ascending, disjoint, none right behind another

class ValuePool {
 public:
  using Id = uint32_t;
  static constexpr Id kAll = 0;  // every value of the axis, whichever it is

  ValuePool();

  // `values` ascend and do not overlap; those that touch are joined. `last` is the axis's greatest
  // value.
  Id Add(const Values& values, uint32_t last);
  // The union of sets that have no value in common.
  Id Join(std::span<const Id> sets, uint32_t last);
  Values at(Id id) const;  // not of kAll
  size_t size() const { return pool_.size(); }

 private:
  SequencePool pool_;
  std::vector<uint32_t> ends_;  // of the set that is being added
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_VALUE_POOL_H_
