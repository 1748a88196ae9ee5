// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/shadowing.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "agent/policy/cover.h"
#include "agent/policy/lint.h"
#include "agent/policy/outside.h"

namespace portmatrix {
namespace {

using Outcome = Cover::Outcome;

class Shadows {
 public:
  Shadows(const RuleOrder& order, LintRun& run) : order_(order), run_(run) {
    for (EarlyStep& step : StepsBeforeRules(*order.interface, order.direction)) {
      steps_.push_back(run.Keep(std::move(step.match)));
    }
  }

  // Does the rule decide nothing, or is that not known?
  bool Check(size_t place) {
    const RankedRule& ranked = order_.ranked[place];
    const Rule& rule = *ranked.rule;
    const Match& most = *ranked.most.match;
    if (most.from.empty() || most.to.empty()) {
      ReportEmpty(rule, most.from.empty() ? "from" : "to");
      return true;
    }
    if (place >= order_.earlier_known) return Undecided(rule);
    LintRun::Share share(run_);
    std::vector<PooledMatch> others;
    std::vector<const RankedRule*> named;
    for (const uint32_t earlier : ranked.earlier) {
      // What ends before the rule does leaves it packets then.
      if (!Outlasts(order_.ranked[earlier], ranked)) continue;
      others.push_back(LeastBeside(order_.ranked[earlier], ranked, run_.pool(), share.budget()));
      named.push_back(&order_.ranked[earlier]);
    }
    for (const PooledMatch& step : steps_) {
      if (Overlap(ranked.most, step, run_.pool(), share.budget())) others.push_back(step);
    }
    const Cover cover = FindCover(ranked.most, others, run_.pool(), share.budget());
    if (cover.outcome == Outcome::kUndecided) return Undecided(rule);
    if (cover.outcome == Outcome::kOpen) return false;
    if (cover.by.empty()) return true;  // families that cannot meet, which resolving told
    if (cover.by.back() >= named.size()) {
      ReportNeverIn(rule);
    } else {
      Report(rule, cover, named);
    }
    return true;
  }

 private:
  static bool Outlasts(const RankedRule& earlier, const RankedRule& rule) {
    return !earlier.expires() || (rule.expires() && *rule.expires() <= *earlier.expires());
  }

  bool Undecided(const Rule& rule) {
    if (!IsIgnored(rule, kShadowedRule)) run_.Undecided(kShadowedRule, rule);
    return true;
  }

  void ReportEmpty(const Rule& rule, const char* side) {
    if (IsIgnored(rule, kNeverMatches)) return;
    run_.Warn(kNeverMatches, rule,
              fmt::format("rule `{}` ({}) never matches: its `{}` has no address", rule.key,
                          ToString(rule.direction), side),
              fmt::format("fill the set, or write `ignore: [{}: why]`", kNeverMatches));
  }

  void ReportNeverIn(const Rule& rule) {
    if (IsIgnored(rule, kNeverMatches)) return;
    Diagnostic& warning = run_.Warn(
        kNeverMatches, rule,
        fmt::format(
            "rule `{}` (in) never matches: its packets are spoofed, or decided before rules",
            rule.key),
        fmt::format("sources that are `local`, loopback or multicast do not come from outside; "
                    "remove the rule, or write `ignore: [{}: why]`",
                    kNeverMatches));
    warning.notes.push_back({order_.interface->span, "the interface whose `local` counts here"});
  }

  void Report(const Rule& rule, const Cover& cover, const std::vector<const RankedRule*>& named) {
    std::vector<Note> notes;
    size_t failsafes = 0;
    for (const size_t index : cover.by) {
      failsafes += named[index]->failsafe() ? 1 : 0;
      notes.push_back({named[index]->span, fmt::format("{} matches first", named[index]->Name())});
    }
    const size_t rules = cover.by.size() - failsafes;
    const std::string_view lint = rules == 0 ? kFailsafeCoversRule : kShadowedRule;
    if (IsIgnored(rule, lint)) return;
    std::string who = named[cover.by[0]]->Name();
    if (cover.by.size() > 1) {
      who = rules == 0 ? fmt::format("{} failsafe entries", failsafes)
                       : fmt::format("{} rules", cover.by.size());
    }
    std::string message =
        rules == 0
            ? fmt::format("rule `{}` ({}) decides nothing: {} pass{} all its packets", rule.key,
                          ToString(rule.direction), who, cover.by.size() == 1 ? "es" : "")
            : fmt::format("rule `{}` ({}) never matches: {} before it match{} all its packets",
                          rule.key, ToString(rule.direction), who,
                          cover.by.size() == 1 ? "es" : "");
    Diagnostic& warning = run_.Warn(
        lint, rule, std::move(message),
        rules == 0 ? fmt::format("remove it, or write `ignore: [{}: why]`", lint)
                   : fmt::format("move it up, remove it, or write `ignore: [{}: why]`", lint));
    LintRun::AddNotes(warning, notes);
  }

  const RuleOrder& order_;
  LintRun& run_;
  std::vector<PooledMatch> steps_;  // what is decided before rules are asked
};

}  // namespace

std::vector<bool> FindUnreached(const RuleOrder& order, LintRun& run) {
  Shadows shadows(order, run);
  std::vector<bool> unreached(order.ranked.size());
  for (size_t place = 0; place < order.ranked.size(); ++place) {
    if (!order.ranked[place].failsafe()) unreached[place] = shadows.Check(place);
  }
  return unreached;
}

}  // namespace portmatrix
