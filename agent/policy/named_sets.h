// SPDX-License-Identifier: Apache-2.0
// The sets that a node's rules can name, with the addresses that they have there.
#ifndef PORTMATRIX_AGENT_POLICY_NAMED_SETS_H_
#define PORTMATRIX_AGENT_POLICY_NAMED_SETS_H_

#include <map>
#include <string>
#include <string_view>

#include "agent/policy/model.h"
#include "agent/policy/policy.h"

namespace portmatrix {

// By name, a node's own before shared ones. Left out: sets that were refused in part, and all if
// the policy has no such node.
std::map<std::string, AddressSet> NamedSets(const Policy& policy, std::string_view node);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_NAMED_SETS_H_
