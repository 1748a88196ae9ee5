// SPDX-License-Identifier: Apache-2.0
// The lints of rules that no packet reaches.
#ifndef PORTMATRIX_AGENT_POLICY_SHADOWING_H_
#define PORTMATRIX_AGENT_POLICY_SHADOWING_H_

#include <vector>

#include "agent/policy/lint_run.h"
#include "agent/policy/rule_order.h"

namespace portmatrix {

// Reports `shadowed-rule`, `failsafe-covers-rule` and `never-matches`. Returns, for each place in
// the order, whether its rule decides no packet or was left undecided, be that reported or
// silenced.
std::vector<bool> FindUnreached(const RuleOrder& order, LintRun& run);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_SHADOWING_H_
