// SPDX-License-Identifier: Apache-2.0
// What two lists of steps have in common, in the same order. A packet of which
// neither list's first match is beside those meets the same step in both.
#ifndef PORTMATRIX_AGENT_POLICY_COMMON_STEPS_H_
#define PORTMATRIX_AGENT_POLICY_COMMON_STEPS_H_

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "agent/policy/fate.h"
#include "agent/policy/packet_space.h"

namespace portmatrix {

// Steps, and how they are asked: asked[i] has the live sets of step i.
struct StepList {
  const std::vector<FateStep>& steps;
  std::span<const AskedMatch> asked;
};

// Pairs of indices, both ascending: steps of `before` and `after` with equal
// matches and verdicts, and with `by_rule` also equal reasons and rules. As
// many as there are where no step stands in a list twice.
std::vector<std::pair<size_t, size_t>> CommonSteps(const StepList& before, const StepList& after,
                                                   bool by_rule);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_COMMON_STEPS_H_
