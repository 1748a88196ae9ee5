// SPDX-License-Identifier: Apache-2.0
// The lint of rules without which every packet fares alike.
//
// A rule is redundant if every packet that it decides would without it be decided with the same
// action by a rule behind it. For a deny the default does as well, if that drops. For an allow it
// does not where it passes and a deny is in force on the interface: an allow also lets answers by,
// and conversations open, that such a deny would refuse. What the rules of a direction say of a
// tuple is all by which packets, answers, errors and conversations are judged, so that no packet's
// verdict changes; what changes is whose counter it counts for. A rule that logs is redundant only
// behind others that log, and none counts that expires sooner.
#ifndef PORTMATRIX_AGENT_POLICY_REDUNDANCY_H_
#define PORTMATRIX_AGENT_POLICY_REDUNDANCY_H_

#include <vector>

#include "agent/policy/lint_run.h"
#include "agent/policy/rule_order.h"

namespace portmatrix {

// Reports `redundant-rule` for rules that are redundant, and are so still where the unreached ones
// (shadowing.h) are taken away.
void FindRedundant(const RuleOrder& order, const std::vector<bool>& unreached, LintRun& run);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_REDUNDANCY_H_
