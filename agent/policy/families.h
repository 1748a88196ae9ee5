// SPDX-License-Identifier: Apache-2.0
// The warning for a rule whose addresses and protocol are of families that never meet in one
// packet.
#ifndef PORTMATRIX_AGENT_POLICY_FAMILIES_H_
#define PORTMATRIX_AGENT_POLICY_FAMILIES_H_

#include <string>

#include "agent/policy/model.h"

namespace portmatrix {

// Why no packet can match ("`from` has only IPv4 addresses, `to` only IPv6"), or empty. Empty sets
// are not looked at.
std::string WhyFamiliesCannotMeet(const Match& match);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_FAMILIES_H_
