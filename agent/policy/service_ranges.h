// SPDX-License-Identifier: Apache-2.0
// The lint of port ranges that hold a service of another rule: a range of ten ports or more (media,
// say) that lets in to a service those whom the service's own rule does not name. Likewise out.
#ifndef PORTMATRIX_AGENT_POLICY_SERVICE_RANGES_H_
#define PORTMATRIX_AGENT_POLICY_SERVICE_RANGES_H_

#include <vector>

#include "agent/policy/lint_run.h"
#include "agent/policy/rule_order.h"

namespace portmatrix {

// Reports `range-touches-service`, once for each rule with a range. Exact: there is a packet to the
// service that this rule decides, with the service's own side, and that the other does not match.
void FindTouchedServices(const RuleOrder& order, const std::vector<bool>& unreached, LintRun& run);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_SERVICE_RANGES_H_
