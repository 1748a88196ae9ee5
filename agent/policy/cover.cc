// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/cover.h"

#include <set>

namespace portmatrix {

Cover FindCover(const PooledMatch& match, const std::vector<PooledMatch>& others, AddressPool& pool,
                WorkBudget& budget) {
  for (size_t i = 0; i < others.size() && !budget.used_up(); ++i) {
    if (Contains(others[i], match, pool, budget)) return {Cover::Outcome::kCovered, {i}};
  }
  std::set<size_t> first;
  const Visited visited =
      VisitFirstMatches(match, others, true, pool, budget, [&](const FirstMatch& met) {
        if (met.index) first.insert(*met.index);
        return met.index.has_value();
      });
  if (visited == Visited::kUndecided) return {Cover::Outcome::kUndecided, {}};
  if (visited == Visited::kStopped) return {Cover::Outcome::kOpen, {}};
  return {Cover::Outcome::kCovered, {first.begin(), first.end()}};
}

}  // namespace portmatrix
