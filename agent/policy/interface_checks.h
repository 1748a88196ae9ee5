// SPDX-License-Identifier: Apache-2.0
// What must hold among the interfaces of one node: each protects some addresses of its own, and
// each frame on a device selects at most one of them.
#ifndef PORTMATRIX_AGENT_POLICY_INTERFACE_CHECKS_H_
#define PORTMATRIX_AGENT_POLICY_INTERFACE_CHECKS_H_

#include <string>
#include <vector>

#include "agent/policy/diagnostic.h"
#include "agent/policy/policy.h"
#include "agent/policy/set_table.h"

namespace portmatrix {

// `locals` are the resolved `local` values, by interface. Reports empty and `any` locals, overlaps
// without `shared_local`, devices that two interfaces claim with the same VLAN, and too many
// interfaces or devices.
void CheckInterfaces(const WrittenNode& node, const std::vector<ResolvedAddresses>& locals,
                     Diagnostics& diagnostics);

// "none", "any", "12" or "[12, 7]"
std::string ToString(const VlanSelector& vlan);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_INTERFACE_CHECKS_H_
