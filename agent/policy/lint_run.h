// SPDX-License-Identifier: Apache-2.0
// What the lints of one node's rules share: their work, what a rule has silenced, how findings name
// other rules, and what was left undecided.
#ifndef PORTMATRIX_AGENT_POLICY_LINT_RUN_H_
#define PORTMATRIX_AGENT_POLICY_LINT_RUN_H_

#include <cstddef>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/policy/address_pool.h"
#include "agent/policy/diagnostic.h"
#include "agent/policy/first_match.h"
#include "agent/policy/model.h"
#include "agent/policy/rule_order.h"
#include "agent/policy/work_budget.h"

namespace portmatrix {

class LintRun {
 public:
  // Both must outlive the run.
  LintRun(const Node& node, Diagnostics& diagnostics);

  const Node& node() const { return node_; }
  AddressPool& pool() { return pool_; }
  // A match that is not the node's, kept as long as the pool.
  PooledMatch Keep(Match match) { return Pooled(kept_.emplace_back(std::move(match)), pool_); }
  WorkBudget& budget() { return budget_; }  // of the whole node
  RuleOrder Order(const Interface& interface, Direction direction) {
    return OrderOf(node_, interface, direction, kept_, pool_, budget_);
  }

  // The share of one question about one rule; taken from the node's when it ends.
  class Share {
   public:
    explicit Share(LintRun& run);
    ~Share();
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;
    WorkBudget& budget() { return budget_; }

   private:
    LintRun& run_;
    size_t granted_;
    WorkBudget budget_;
  };

  Diagnostic& Warn(std::string_view lint, const Rule& rule, std::string message, std::string hint);
  // Names other rules with file and line, the first few of them.
  static void AddNotes(Diagnostic& diagnostic, const std::vector<Note>& notes);

  void Undecided(std::string_view lint, const Rule& rule);
  void ReportUndecided();  // once for each lint

 private:
  struct Open {
    const Rule* first = nullptr;
    size_t count = 0;
  };

  const Node& node_;
  Diagnostics& diagnostics_;
  std::deque<Match> kept_;
  AddressPool pool_;
  WorkBudget budget_;
  std::map<std::string_view, Open> undecided_;
};

bool IsIgnored(const Rule& rule, std::string_view lint);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_LINT_RUN_H_
