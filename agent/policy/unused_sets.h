// SPDX-License-Identifier: Apache-2.0
// The lint of sets that nothing reaches. A set is used if a rule, `local`, failsafe entry or
// expectation names it, by itself or by way of sets that it names; names mean on each node what
// that node makes of them.
#ifndef PORTMATRIX_AGENT_POLICY_UNUSED_SETS_H_
#define PORTMATRIX_AGENT_POLICY_UNUSED_SETS_H_

#include "agent/policy/diagnostic.h"
#include "agent/policy/policy.h"

namespace portmatrix {

void FindUnusedSets(const Policy& policy, Diagnostics& diagnostics);  // `unused-set`

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_UNUSED_SETS_H_
