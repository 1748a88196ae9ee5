// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/action_overlap.h"

#include <fmt/format.h>

#include "agent/policy/cover.h"
#include "agent/policy/lint.h"
#include "agent/policy/match_intersection.h"
#include "agent/policy/service_classes.h"
#include "agent/policy/tuple_text.h"

namespace portmatrix {
namespace {

class Overlaps {
 public:
  Overlaps(const RuleOrder& order, const std::vector<bool>& unreached, LintRun& run)
      : order_(order), unreached_(unreached), run_(run) {}

  void Check(size_t place) {
    const RankedRule& first = order_.ranked[place];
    if (IsIgnored(*first.rule, kOverlappingAction)) return;
    if (!order_.later_known()) return run_.Undecided(kOverlappingAction, *first.rule);
    std::vector<Note> notes;
    for (const uint32_t later : first.later) {
      const RankedRule& second = order_.ranked[later];
      if (second.rule->action == first.rule->action || unreached_[later]) continue;
      if (IsIgnored(*second.rule, kOverlappingAction)) continue;
      LintRun::Share share(run_);
      if (share.budget().used_up()) return run_.Undecided(kOverlappingAction, *first.rule);
      if (IsException(first, second, share.budget())) continue;
      const auto packet = Contested(first, second, share.budget());
      if (share.budget().used_up()) return run_.Undecided(kOverlappingAction, *first.rule);
      if (!packet) continue;
      notes.push_back(
          {second.span, fmt::format("{} would {} {}", second.Name(), ToString(second.rule->action),
                                    TupleText(*packet))});
    }
    if (!notes.empty()) Report(first, notes);
  }

 private:
  bool IsException(const RankedRule& first, const RankedRule& second, WorkBudget& budget) {
    if (FindCover(first.match, {second.match}, run_.pool(), budget).outcome !=
        Cover::Outcome::kOpen) {
      return true;
    }
    if (first.rule->action == Action::kAllow) return false;
    const bool in = order_.direction == Direction::kIn;
    return ServicesContain(*first.match.match, *second.match.match) &&
           run_.pool().Contains(in ? first.match.to : first.match.from,
                                in ? second.match.to : second.match.from, budget);
  }

  // A packet of both that the first decides.
  std::optional<pm_tuple> Contested(const RankedRule& first, const RankedRule& second,
                                    WorkBudget& budget) {
    const auto common = Intersection(*first.match.match, *second.match.match);
    if (!common) return std::nullopt;
    return PacketLeftTo(first, order_, *common, nullptr, budget);
  }

  void Report(const RankedRule& first, const std::vector<Note>& notes) {
    const Rule& rule = *first.rule;
    const bool allows = rule.action == Action::kAllow;
    Diagnostic& warning = run_.Warn(
        kOverlappingAction, rule,
        fmt::format("rule `{}` ({}) {} packets that {} behind it would {}", rule.key,
                    ToString(rule.direction), allows ? "allows" : "denies",
                    notes.size() == 1 ? "a rule" : fmt::format("{} rules", notes.size()),
                    allows ? "deny" : "allow"),
        fmt::format("neither is an exception to the other, so the order decides: narrow one, or "
                    "write `ignore: [{}: why]`",
                    kOverlappingAction));
    LintRun::AddNotes(warning, notes);
  }

  const RuleOrder& order_;
  const std::vector<bool>& unreached_;
  LintRun& run_;
};

}  // namespace

void FindActionOverlaps(const RuleOrder& order, const std::vector<bool>& unreached, LintRun& run) {
  Overlaps overlaps(order, unreached, run);
  for (size_t place = 0; place < order.ranked.size(); ++place) {
    if (!order.ranked[place].failsafe() && !unreached[place]) overlaps.Check(place);
  }
}

}  // namespace portmatrix
