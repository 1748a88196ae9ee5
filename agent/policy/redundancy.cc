// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/redundancy.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "agent/policy/lint.h"

namespace portmatrix {
namespace {

// Who decides a rule's packets without it.
struct Heirs {
  std::set<uint32_t> places;
  bool by_default = false;
};

class Redundancy {
 public:
  Redundancy(const RuleOrder& order, const std::vector<bool>& unreached, LintRun& run)
      : order_(order), unreached_(unreached), run_(run) {
    for (const Rule& rule : order.interface->rules) {
      some_deny_ |= rule.state == RuleState::kActive && rule.action == Action::kDeny;
    }
  }

  void Check(uint32_t place) {
    const Rule& rule = *order_.ranked[place].rule;
    if (IsIgnored(rule, kRedundantRule)) return;
    if (!order_.later_known()) return run_.Undecided(kRedundantRule, rule);
    LintRun::Share share(run_);
    Heirs heirs;
    const Visited decided = AtAllTimes(place, /*with_unreached=*/true, share.budget(), heirs);
    if (decided == Visited::kUndecided) return run_.Undecided(kRedundantRule, rule);
    if (decided == Visited::kStopped) return;
    if (std::ranges::any_of(heirs.places, [&](uint32_t heir) { return unreached_[heir]; })) {
      heirs = {};
      const Visited again = AtAllTimes(place, /*with_unreached=*/false, share.budget(), heirs);
      if (again == Visited::kUndecided) return run_.Undecided(kRedundantRule, rule);
      if (again == Visited::kStopped) return;
    }
    if (heirs.places.empty() && !heirs.by_default) return;  // it decides nothing
    Report(rule, heirs);
  }

 private:
  // Rules go as they expire: asked for each set of rules that there will be in the rule's own time.
  Visited AtAllTimes(uint32_t place, bool with_unreached, WorkBudget& budget, Heirs& heirs) {
    const RankedRule& ranked = order_.ranked[place];
    std::set<int64_t> moments = {INT64_MIN};
    for (const auto* met : {&ranked.earlier, &ranked.later}) {
      for (const uint32_t other : *met) {
        const auto expires = order_.ranked[other].expires();
        if (expires && (!ranked.expires() || *expires < *ranked.expires()))
          moments.insert(*expires);
      }
    }
    for (const int64_t moment : moments) {
      const Visited visited = At(moment, place, with_unreached, budget, heirs);
      if (visited != Visited::kAll) return visited;
    }
    return Visited::kAll;
  }

  Visited At(int64_t moment, uint32_t place, bool with_unreached, WorkBudget& budget,
             Heirs& heirs) {
    const RankedRule& ranked = order_.ranked[place];
    std::vector<PooledMatch> others;
    std::vector<uint32_t> places;
    for (const auto* met : {&ranked.earlier, &ranked.later}) {
      for (const uint32_t other : *met) {
        const auto expires = order_.ranked[other].expires();
        if (expires && *expires <= moment) continue;
        if (!with_unreached && unreached_[other]) continue;
        others.push_back(Bound(other, place, budget));
        places.push_back(other);
      }
    }
    const Rule& rule = *ranked.rule;
    const bool nobody_ends = !DefaultDoesAsWell(rule);
    return VisitFirstMatches(ranked.match, others, nobody_ends, run_.pool(), budget,
                             [&](const FirstMatch& met) {
                               if (!met.index) {
                                 heirs.by_default = true;
                                 return !nobody_ends;
                               }
                               const uint32_t first = places[*met.index];
                               if (first < place) return true;
                               heirs.places.insert(first);
                               const Rule& heir = *order_.ranked[first].rule;
                               return heir.action == rule.action && heir.log == rule.log;
                             });
  }

  // What takes packets for certain; of what would decide them otherwise, all that it may take.
  PooledMatch Bound(uint32_t other, uint32_t place, WorkBudget& budget) {
    const RankedRule& ranked = order_.ranked[other];
    if (other > place && !DecidesAlike(*ranked.rule, *order_.ranked[place].rule)) {
      return ranked.most;
    }
    return LeastBeside(ranked, order_.ranked[place], run_.pool(), budget);
  }

  static bool DecidesAlike(const Rule& heir, const Rule& rule) {
    return heir.action == rule.action && heir.log == rule.log;
  }

  bool DefaultDoesAsWell(const Rule& rule) const {
    if (rule.log) return false;
    const bool passes = order_.interface->default_verdict == Verdict::kPass;
    return rule.action == Action::kDeny ? !passes : passes && !some_deny_;
  }

  void Report(const Rule& rule, const Heirs& heirs) {
    std::vector<Note> notes;
    for (const uint32_t place : heirs.places) {
      const RankedRule& heir = order_.ranked[place];
      notes.push_back({heir.span, fmt::format("{} decides alike", heir.Name())});
    }
    std::string who = notes.size() == 1 ? order_.ranked[*heirs.places.begin()].Name()
                                        : fmt::format("{} rules", notes.size());
    if (notes.empty()) {
      who = "the default";
    } else {
      who += " behind it";
      if (heirs.by_default) who += " and the default";
    }
    const bool one = notes.size() + (heirs.by_default ? 1 : 0) == 1;
    Diagnostic& warning = run_.Warn(
        kRedundantRule, rule,
        fmt::format("rule `{}` ({}) is redundant: without it {} decide{} its packets alike",
                    rule.key, ToString(rule.direction), who, one ? "s" : ""),
        fmt::format("remove it (they then count there), or write `ignore: [{}: why]`",
                    kRedundantRule));
    LintRun::AddNotes(warning, notes);
  }

  const RuleOrder& order_;
  const std::vector<bool>& unreached_;
  LintRun& run_;
  bool some_deny_ = false;
};

}  // namespace

void FindRedundant(const RuleOrder& order, const std::vector<bool>& unreached, LintRun& run) {
  Redundancy redundancy(order, unreached, run);
  for (uint32_t place = 0; place < order.ranked.size(); ++place) {
    if (!order.ranked[place].failsafe() && !unreached[place]) redundancy.Check(place);
  }
}

}  // namespace portmatrix
