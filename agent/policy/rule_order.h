// SPDX-License-Identifier: Apache-2.0
// What one direction of an interface is judged by, in order, and which of it meets: the failsafe
// entries (for `in`), then the rules in force.
#ifndef PORTMATRIX_AGENT_POLICY_RULE_ORDER_H_
#define PORTMATRIX_AGENT_POLICY_RULE_ORDER_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "agent/policy/address_pool.h"
#include "agent/policy/first_match.h"
#include "agent/policy/model.h"
#include "agent/policy/work_budget.h"
#include "maps/layout.h"

namespace portmatrix {

struct RankedRule {
  const Rule* rule = nullptr;  // null: a failsafe entry
  PooledMatch match;           // what it matches whatever its dynamic sets hold
  PooledMatch most;            // what it may match at most; the same where it names none
  Span span;
  // Places in the order of those that may match some packet of this one as well, ascending.
  std::vector<uint32_t> earlier, later;

  bool failsafe() const { return rule == nullptr; }
  // Until when it is in force, as far as the policy says.
  std::optional<int64_t> expires() const;
  std::string Name() const;  // "rule `a/m/r`", "the failsafe entry"
};

struct RuleOrder {
  const Interface* interface = nullptr;
  Direction direction = Direction::kIn;
  std::vector<RankedRule> ranked;
  // Of so many, the first ones, `earlier` is known; less than all where the budget did not reach.
  size_t earlier_known = 0;
  bool later_known() const { return earlier_known == ranked.size(); }
};

// Of one that stands beside `rule`: what it matches for certain of packets that `rule` may match.
// To a dynamic set that both name belongs the same address for both.
PooledMatch LeastBeside(const RankedRule& other, const RankedRule& rule, AddressPool& pool,
                        WorkBudget& budget);

// A packet of `match` that comes to `ranked`, because nobody before it in the order matches it, nor
// does `beside` (null: nobody). Nothing too where the budget is used up.
std::optional<pm_tuple> PacketLeftTo(const RankedRule& ranked, const RuleOrder& order,
                                     const Match& match, const Match* beside, WorkBudget& budget);

// `node`, `pool` and `kept`, which holds what the pool's sets stand in beside the node, must
// outlive the order.
RuleOrder OrderOf(const Node& node, const Interface& interface, Direction direction,
                  std::deque<Match>& kept, AddressPool& pool, WorkBudget& budget);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_RULE_ORDER_H_
