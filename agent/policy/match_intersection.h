// SPDX-License-Identifier: Apache-2.0
// The packets that two matches have in common are those of one match.
#ifndef PORTMATRIX_AGENT_POLICY_MATCH_INTERSECTION_H_
#define PORTMATRIX_AGENT_POLICY_MATCH_INTERSECTION_H_

#include <optional>
#include <vector>

#include "agent/policy/model.h"

namespace portmatrix {

AddressSet Intersection(const AddressSet& left, const AddressSet& right);
std::vector<PortRange> Intersection(const std::vector<PortRange>& left,
                                    const std::vector<PortRange>& right);
// Nothing if they have no packet in common by their addresses, protocols, ports or types. Families
// may still keep the result from having one.
std::optional<Match> Intersection(const Match& left, const Match& right);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_MATCH_INTERSECTION_H_
