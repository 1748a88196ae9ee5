// SPDX-License-Identifier: Apache-2.0
// A policy's own tests. An expectation means one packet with nothing known before it, which the
// reference evaluator judges, or every packet of a region, which is proved (proof.h).
#ifndef PORTMATRIX_AGENT_POLICY_EXPECT_H_
#define PORTMATRIX_AGENT_POLICY_EXPECT_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "agent/policy/claim.h"
#include "agent/policy/diagnostic.h"
#include "agent/policy/model.h"
#include "agent/policy/policy.h"
#include "maps/layout.h"

namespace portmatrix {

// Judges all expectations of the node. One that does not hold is an error `expectation-failed` that
// says what was expected and what came out, for a packet that it shows: verdict, reason, rule. One
// of a region may also be `empty-expectation`, or `expectation-undecided` where too many rules meet
// it: what was not proved does not hold. Returns how many hold. `node` is one of `policy`.
size_t RunExpectations(const Policy& policy, const Node& node, Diagnostics& diagnostics);
// Those of single packets only, and those of regions only.
size_t JudgeExpectations(const Node& node, Diagnostics& diagnostics);
size_t ProveClaims(const std::vector<Claim>& claims, const Node& node, Diagnostics& diagnostics);

// The packet that a tuple means in an expectation: opening where the protocol has opening packets,
// hop limit 64.
pm_packet OpeningPacket(const pm_tuple& tuple);

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
