// SPDX-License-Identifier: Apache-2.0
// What two lists of steps have in common, in the same order. A packet of which
// neither list's first match is beside those meets the same step in both.
#ifndef PORTMATRIX_AGENT_POLICY_COMMON_STEPS_H_
#define PORTMATRIX_AGENT_POLICY_COMMON_STEPS_H_

#include <cstddef>
#include <utility>
#include <vector>

#include "agent/policy/fate.h"

namespace portmatrix {

// Pairs of indices, both ascending: steps of `before` and `after` with equal
// matches and verdicts, and with `by_rule` also equal reasons and rules. As
// many as there are where no step stands in a list twice.
std::vector<std::pair<size_t, size_t>> CommonSteps(const std::vector<FateStep>& before,
                                                   const std::vector<FateStep>& after,
                                                   bool by_rule);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_COMMON_STEPS_H_
