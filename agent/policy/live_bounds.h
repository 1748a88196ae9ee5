// SPDX-License-Identifier: Apache-2.0
// What a match with dynamic sets means for certain, whose content is unknown while a policy is
// looked at: at least what its written addresses say, and at most that with each dynamic set
// holding every address.
#ifndef PORTMATRIX_AGENT_POLICY_LIVE_BOUNDS_H_
#define PORTMATRIX_AGENT_POLICY_LIVE_BOUNDS_H_

#include "agent/policy/model.h"

namespace portmatrix {

Match AtMost(Match match);

// Do the dynamic sets of `outer` hold whatever those of `inner` hold, on that side?
bool LiveContains(LiveMask outer, LiveMask inner);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_LIVE_BOUNDS_H_
