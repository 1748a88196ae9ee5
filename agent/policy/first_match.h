// SPDX-License-Identifier: Apache-2.0
// Who matches the packets of a match first? Decided exactly, one dimension after the other: the
// boundaries of all cut protocols, ports and addresses into classes that none tells apart.
#ifndef PORTMATRIX_AGENT_POLICY_FIRST_MATCH_H_
#define PORTMATRIX_AGENT_POLICY_FIRST_MATCH_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "agent/policy/address_pool.h"
#include "agent/policy/model.h"
#include "agent/policy/work_budget.h"
#include "maps/layout.h"

namespace portmatrix {

// A match with its addresses by their numbers in a pool.
struct PooledMatch {
  const Match* match = nullptr;
  size_t from = 0;
  size_t to = 0;
};

PooledMatch Pooled(const Match& match, AddressPool& pool);

// Some packets of the match, all of which have the same first one of the others.
struct FirstMatch {
  std::optional<size_t> index;  // into the others; none: nobody matches them
  pm_tuple sample = {};         // one of the packets; if possible, not from its own destination
};

enum class Visited : uint8_t { kAll, kStopped, kUndecided };

// Calls `visit` for classes that together hold every packet of `match`, until it returns false.
// `others` stand in the order in which they are asked. With `nobody_ends`, a packet that nobody
// matches is visited as soon as it is found, and others may then be left out. Undecided when the
// budget is used up.
Visited VisitFirstMatches(const PooledMatch& match, const std::vector<PooledMatch>& others,
                          bool nobody_ends, AddressPool& pool, WorkBudget& budget,
                          const std::function<bool(const FirstMatch&)>& visit);

// Is there a packet that both match? May say yes where only families keep them apart.
bool Overlap(const PooledMatch& left, const PooledMatch& right, AddressPool& pool,
             WorkBudget& budget);

// Is every packet of `inner` one of `outer`? May say no where only families make it so.
bool Contains(const PooledMatch& outer, const PooledMatch& inner, AddressPool& pool,
              WorkBudget& budget);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_FIRST_MATCH_H_
