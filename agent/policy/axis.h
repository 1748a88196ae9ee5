// SPDX-License-Identifier: Apache-2.0
// One dimension of a packet (an address, a port) cut at the boundaries of several sets of its
// values, into stretches whose values none of the sets tells apart.
#ifndef PORTMATRIX_AGENT_POLICY_AXIS_H_
#define PORTMATRIX_AGENT_POLICY_AXIS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "agent/policy/model.h"
#include "agent/policy/work_budget.h"

namespace portmatrix {

// All values from `first` to `last`, both included, so that the greatest value needs no successor.
template <typename Value>
struct Stretch {
  Value first;
  Value last;
  bool operator==(const Stretch&) const = default;
};
template <typename Value>
using Stretches = std::vector<Stretch<Value>>;  // ascending, disjoint

Stretches<Address> StretchesOf(const AddressSet& set, Family family);
// Keys of the service axis: ports, or ICMP type << 8 | code. All of them if nothing is named.
Stretches<uint32_t> StretchesOf(const std::vector<PortRange>& ranges);
Stretches<uint32_t> StretchesOf(std::optional<uint8_t> type, std::optional<uint8_t> code);

// A set on the axis, with the number under which it is reported. Without stretches it holds all
// values. Where one that is `enough` holds a value, sets of greater numbers are not asked about it.
template <typename Value>
struct NumberedSet {
  size_t number = 0;
  const Stretches<Value>* stretches = nullptr;
  bool enough = false;
};

// Ascending numbers of sets.
using Members = std::vector<size_t>;

// Values that the same sets hold, with one of them and, if there are more, another.
template <typename Value>
struct AxisClass {
  Members members;
  Value sample = {};
  std::optional<Value> other = {};
};

template <typename Value>
struct CutOptions {
  bool nobody_ends = false;  // a class without members may be the only one returned
  Value liked = {};          // the sample is this value, or near it, where the class allows that
};

// What `within` is cut into by the sets, which ascend by number: each combination of members stands
// there once, the smallest first. Nothing if the budget is used up.
template <typename Value>
std::optional<std::vector<AxisClass<Value>>> CutAxis(const Stretches<Value>& within,
                                                     const std::vector<NumberedSet<Value>>& sets,
                                                     const CutOptions<Value>& options,
                                                     WorkBudget& budget);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_AXIS_H_
