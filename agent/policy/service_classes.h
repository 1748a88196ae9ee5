// SPDX-License-Identifier: Apache-2.0
// The service side of a match, protocol by protocol.
#ifndef PORTMATRIX_AGENT_POLICY_SERVICE_CLASSES_H_
#define PORTMATRIX_AGENT_POLICY_SERVICE_CLASSES_H_

#include <cstdint>

#include "agent/policy/axis.h"
#include "agent/policy/model.h"

namespace portmatrix {

bool MatchesProtocol(const Match& match, uint8_t protocol);
bool ServicesOverlap(const Match& left, const Match& right);
bool ServicesContain(const Match& outer, const Match& inner);
bool KeysContain(const Stretches<uint32_t>& outer, const Stretches<uint32_t>& inner);

// What a match admits of a protocol's packets on the two service axes: destination port or ICMP
// type and code, and source port. Protocols with neither have one key, 0.
Stretches<uint32_t> ServiceKeys(const Match& match, uint8_t protocol);
Stretches<uint32_t> SourceKeys(const Match& match, uint8_t protocol);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_SERVICE_CLASSES_H_
