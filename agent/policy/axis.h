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
};
template <typename Value>
using Stretches = std::vector<Stretch<Value>>;  // ascending, disjoint

Stretches<Address> StretchesOf(const AddressSet& set, Family family);
// Keys of the service axis: ports, or ICMP type << 8 | code. All of them if nothing is named.
Stretches<uint32_t> StretchesOf(const std::vector<PortRange>& ranges);
Stretches<uint32_t> StretchesOf(std::optional<uint8_t> type, std::optional<uint8_t> code);

// A set on the axis, with the number under which it is reported. Without stretches it holds all
// values.
template <typename Value>
struct NumberedSet {
  size_t number = 0;
  const Stretches<Value>* stretches = nullptr;
};

// Ascending numbers of sets.
using Members = std::vector<size_t>;

// For each stretch of `within` that the sets do not divide further: the numbers of those that hold
// it. Each combination stands there once, the smallest first; if one is empty, it may be the only
// one. `sets` ascend by number. Nothing if the budget is used up.
template <typename Value>
std::optional<std::vector<Members>> CutAxis(const Stretches<Value>& within,
                                            const std::vector<NumberedSet<Value>>& sets,
                                            WorkBudget& budget);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_AXIS_H_
