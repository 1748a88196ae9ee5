// SPDX-License-Identifier: Apache-2.0
// What is decided about a packet from outside before any rule is asked, as far as its addresses and
// ports tell (bpf/README.md, "Judging": the DHCP client's exchange, spoofed sources). Neighbour
// messages are told by their hop limit and so stand in no match.
#ifndef PORTMATRIX_AGENT_POLICY_OUTSIDE_H_
#define PORTMATRIX_AGENT_POLICY_OUTSIDE_H_

#include <cstdint>
#include <vector>

#include "agent/policy/model.h"
#include "maps/layout.h"

namespace portmatrix {

// RFC 2131, section 4.1; RFC 8415, section 7.2.
namespace dhcp {
inline constexpr uint16_t kServer = 67;
inline constexpr uint16_t kClient = 68;
inline constexpr uint16_t kClient6 = 546;
inline constexpr uint16_t kServer6 = 547;
}  // namespace dhcp

// Sources that no packet from outside has, whatever is local: loopback, multicast, broadcast.
const std::vector<Prefix>& ForbiddenSources();

struct EarlyStep {
  pm_reason reason = PM_REASON_SPOOFED;  // or `dhcp`
  Match match;
};

// In the order in which they are asked. What else is spoofed, a packet from its own destination, no
// match can tell.
std::vector<EarlyStep> StepsBeforeRules(const Interface& interface, Direction direction);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_OUTSIDE_H_
