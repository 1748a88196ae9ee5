// SPDX-License-Identifier: Apache-2.0
// Is a match covered by others together? Exact: each class of its packets must find somebody.
#ifndef PORTMATRIX_AGENT_POLICY_COVER_H_
#define PORTMATRIX_AGENT_POLICY_COVER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "agent/policy/first_match.h"

namespace portmatrix {

struct Cover {
  enum class Outcome : uint8_t { kOpen, kCovered, kUndecided };
  Outcome outcome = Outcome::kOpen;
  // With kCovered: indices into `others`, ascending. One that covers it alone, else those that meet
  // some packet first.
  std::vector<size_t> by;
};

// `others` in the order in which they are asked, each overlapping `match` (see Overlap). A match
// that no packet can have is covered by nobody: kCovered, and `by` is empty. Undecided when the
// budget is used up.
Cover FindCover(const PooledMatch& match, const std::vector<PooledMatch>& others, AddressPool& pool,
                WorkBudget& budget);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_COVER_H_
