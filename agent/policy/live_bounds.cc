// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/live_bounds.h"

namespace portmatrix {

Match AtMost(Match match) {
  if (match.from_live != 0) match.from = AddressSet::Any();
  if (match.to_live != 0) match.to = AddressSet::Any();
  match.from_live = match.to_live = 0;
  return match;
}

bool LiveContains(LiveMask outer, LiveMask inner) { return (inner & ~outer) == 0; }

}  // namespace portmatrix
