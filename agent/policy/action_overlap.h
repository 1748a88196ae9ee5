// SPDX-License-Identifier: Apache-2.0
// The lint of rules of different action that meet in a way that looks like a mistake: the first
// decides packets that the second means as well, and neither is an exception to the other.
//
// The first is an exception where all its packets are the second's. A deny is one too where it
// refuses some peers all that the second offers them: the second's services and its own side.
#ifndef PORTMATRIX_AGENT_POLICY_ACTION_OVERLAP_H_
#define PORTMATRIX_AGENT_POLICY_ACTION_OVERLAP_H_

#include <vector>

#include "agent/policy/lint_run.h"
#include "agent/policy/rule_order.h"

namespace portmatrix {

// Reports `overlapping-action`, once for each rule that stands first.
void FindActionOverlaps(const RuleOrder& order, const std::vector<bool>& unreached, LintRun& run);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_ACTION_OVERLAP_H_
