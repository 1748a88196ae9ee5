// SPDX-License-Identifier: Apache-2.0
// A policy's own tests: each expectation is one packet with nothing known before it, judged by the
// reference evaluator.
#ifndef PORTMATRIX_AGENT_POLICY_EXPECT_H_
#define PORTMATRIX_AGENT_POLICY_EXPECT_H_

#include <cstddef>
#include <cstdint>

#include "agent/policy/diagnostic.h"
#include "agent/policy/model.h"
#include "maps/layout.h"

namespace portmatrix {

// Judges all expectations of the node. One that does not hold is an error `expectation-failed` that
// says what was expected and what came out: verdict, reason, rule. Returns how many hold.
size_t RunExpectations(const Node& node, Diagnostics& diagnostics);

// The packet that an expectation means: the opening packet where the protocol has one (TCP SYN,
// SCTP INIT, echo request where no ICMP type is given), hop limit 64, from the expectation's
// `source_port` or else UnnamedPort.
pm_packet OpeningPacket(const Node& node, const Expectation& expectation);

// The direction of a packet to `to` on `interface`: `in` where the destination is local, else
// `out`.
Direction DirectionOf(const Interface& interface, const Address& to);

// The lowest port from 49152 upwards (then from 1024) that no rule or failsafe entry of the node
// names as a port or source port; where every port is named, 49152. Always the same for the same
// node.
uint16_t UnnamedPort(const Node& node);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_EXPECT_H_
