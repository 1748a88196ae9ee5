// SPDX-License-Identifier: Apache-2.0
// Is a match covered by others together? Decided exactly, one dimension after the other: the
// boundaries of all cut protocols, ports and addresses into classes that none tells apart, and each
// class must find somebody in the next one.
#ifndef PORTMATRIX_AGENT_POLICY_COVER_H_
#define PORTMATRIX_AGENT_POLICY_COVER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "agent/policy/address_pool.h"
#include "agent/policy/model.h"
#include "agent/policy/work_budget.h"

namespace portmatrix {

// A match with its addresses by their numbers in a pool.
struct PooledMatch {
  const Match* match = nullptr;
  size_t from = 0;
  size_t to = 0;
};

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

// Is there a packet that both match? May say yes where only families keep them apart.
bool Overlap(const PooledMatch& left, const PooledMatch& right, AddressPool& pool,
             WorkBudget& budget);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_COVER_H_
