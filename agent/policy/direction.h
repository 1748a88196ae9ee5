// SPDX-License-Identifier: Apache-2.0
// Which way a rule goes on an interface: the direction follows from its addresses, and from what is
// written where they leave it open.
#ifndef PORTMATRIX_AGENT_POLICY_DIRECTION_H_
#define PORTMATRIX_AGENT_POLICY_DIRECTION_H_

#include <string>
#include <vector>

#include "agent/policy/diagnostic.h"
#include "agent/policy/model.h"
#include "agent/policy/policy.h"
#include "agent/policy/set_table.h"

namespace portmatrix {

// The addresses of a node as one of its interfaces sees them.
struct Locality {
  const std::string& interface;
  const AddressSet& here;       // its `local`
  const AddressSet& elsewhere;  // the `local` of all others together
};

// A rule in one direction. Inactive: its local side names only addresses that are local elsewhere.
struct RuleWay {
  Direction direction = Direction::kIn;
  bool inactive = false;
};

// One way, or two with `direction: both`; none if the rule leaves it open or contradicts itself,
// which is reported.
//
//   1. No `direction`: `in` if all of `to` is local here, `out` if all of `from` is. With neither,
//   the rule is inactive if one
//      side lies wholly elsewhere, unless the other mixes addresses of here and elsewhere. What
//      remains is an error.
//   2. `direction`: its local side is `to` for `in`, `from` for `out`. If that lies wholly
//   elsewhere: inactive. Else it must
//      not contradict what 1 would derive.
// An empty set is nowhere; a live set may hold anything and so decides nothing.
std::vector<RuleWay> DeriveWays(const WrittenRule& rule, const ResolvedAddresses& from_addresses,
                                const ResolvedAddresses& to_addresses, const Locality& locality,
                                Diagnostics& diagnostics);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_DIRECTION_H_
