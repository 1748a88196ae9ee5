// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/rule_order.h"

#include <fmt/format.h>

#include "agent/policy/live_bounds.h"
#include "agent/policy/outline.h"

namespace portmatrix {
namespace {

// Each costs two numbers of four bytes.
constexpr size_t kMaxMeetings = 20'000'000;

void FindMeetings(RuleOrder& order, AddressPool& pool, WorkBudget& budget) {
  std::vector<Outline> outlines;
  outlines.reserve(order.ranked.size());
  size_t meetings = 0;
  for (uint32_t i = 0; i < order.ranked.size(); ++i) {
    RankedRule& later = order.ranked[i];
    outlines.emplace_back(*later.most.match);
    for (uint32_t j = 0; j < i; ++j) {
      if (!outlines[j].Meets(outlines[i])) continue;
      RankedRule& earlier = order.ranked[j];
      if (!Overlap(earlier.most, later.most, pool, budget)) continue;
      later.earlier.push_back(j);
      earlier.later.push_back(i);
      ++meetings;
    }
    budget.Spend(i / 2 + 1);
    if (budget.used_up() || meetings > kMaxMeetings) return;
    order.earlier_known = i + 1;
  }
}

}  // namespace

std::optional<int64_t> RankedRule::expires() const {
  return failsafe() ? std::nullopt : rule->expires;
}

std::string RankedRule::Name() const {
  return failsafe() ? "the failsafe entry" : fmt::format("rule `{}`", rule->key);
}

PooledMatch LeastBeside(const RankedRule& other, const RankedRule& rule, AddressPool& pool,
                        WorkBudget& budget) {
  PooledMatch least = other.match;
  if (!rule.match.match->is_live()) return least;
  const Match& theirs = *other.match.match;
  const Match& own = *rule.match.match;
  if (own.from_live != 0 && LiveContains(theirs.from_live, own.from_live) &&
      pool.Contains(other.match.from, rule.match.from, budget)) {
    least.from = rule.most.from;
  }
  if (own.to_live != 0 && LiveContains(theirs.to_live, own.to_live) &&
      pool.Contains(other.match.to, rule.match.to, budget)) {
    least.to = rule.most.to;
  }
  return least;
}

std::optional<pm_tuple> PacketLeftTo(const RankedRule& ranked, const RuleOrder& order,
                                     const Match& match, const Match* beside, WorkBudget& budget) {
  AddressPool pool;  // of matches that live no longer than this question
  std::vector<PooledMatch> others;
  others.reserve(ranked.earlier.size() + 1);
  if (beside != nullptr) others.push_back(Pooled(*beside, pool));
  for (const uint32_t earlier : ranked.earlier) {
    others.push_back(Pooled(*order.ranked[earlier].most.match, pool));
  }
  std::optional<pm_tuple> packet;
  VisitFirstMatches(Pooled(match, pool), others, true, pool, budget, [&](const FirstMatch& met) {
    if (!met.index) packet = met.sample;
    return met.index.has_value();
  });
  return packet;
}

RuleOrder OrderOf(const Node& node, const Interface& interface, Direction direction,
                  std::deque<Match>& kept, AddressPool& pool, WorkBudget& budget) {
  RuleOrder order;
  order.interface = &interface;
  order.direction = direction;
  const auto add = [&](const Match& match, const Rule* rule, const Span& span) {
    RankedRule ranked;
    ranked.rule = rule;
    ranked.match = ranked.most = Pooled(match, pool);
    if (match.is_live()) ranked.most = Pooled(kept.emplace_back(AtMost(match)), pool);
    ranked.span = span;
    order.ranked.push_back(std::move(ranked));
  };
  if (direction == Direction::kIn) {
    for (const FailsafeEntry& entry : node.failsafe) add(entry.match, nullptr, entry.span);
  }
  for (const Rule& rule : interface.rules) {
    if (rule.direction == direction && rule.state == RuleState::kActive) {
      add(rule.match, &rule, rule.span);
    }
  }
  FindMeetings(order, pool, budget);
  return order;
}

}  // namespace portmatrix
