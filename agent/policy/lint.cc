// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/lint.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "agent/policy/cover.h"

namespace portmatrix {
namespace {

constexpr std::array kRuleLints = {kShadowedRule, kFamiliesCannotMeet};

// Some seconds of work on any machine of today; a policy of 16,000 rules that rarely overlap needs
// a tenth, and one of 100,000 is told that it was not decided.
constexpr size_t kStepsOfNode = 1'000'000'000;
constexpr size_t kStepsOfRule = 20'000'000;
constexpr size_t kNotedCoverers = 5;

// What stands before a rule of one interface and direction.
struct Earlier {
  PooledMatch match;
  Span span;
  std::string name;
};

class Shadows {
 public:
  Shadows(const Node& node, Diagnostics& diagnostics)
      : node_(node), diagnostics_(diagnostics), budget_(kStepsOfNode) {}

  void Check(const Interface& interface, Direction direction) {
    std::vector<Earlier> earlier;
    if (direction == Direction::kIn) {
      for (const FailsafeEntry& entry : node_.failsafe) {
        earlier.push_back({Pooled(entry.match), entry.span, "the failsafe entry"});
      }
    }
    for (const Rule& rule : interface.rules) {
      if (rule.direction != direction || rule.state != RuleState::kActive) continue;
      if (!rule.ignore.contains(std::string(kShadowedRule)))
        CheckRule(rule, PooledAtMost(rule.match), earlier);
      earlier.push_back({Pooled(rule.match), rule.span, fmt::format("rule `{}`", rule.key)});
    }
  }

  void ReportUndecided() {
    if (undecided_ == nullptr) return;
    diagnostics_.Warning(
        "shadowing-undecided", undecided_->span,
        fmt::format("for {} rule{} of node `{}`, `{}` the first, it was not decided "
                    "whether earlier rules shadow them",
                    undecided_count_, undecided_count_ == 1 ? "" : "s", node_.name,
                    undecided_->key),
        "too many rules overlap here; the policy works all the same");
  }

 private:
  // What it matches whatever its live sets hold, which may be nothing.
  PooledMatch Pooled(const Match& match) {
    return {&match, pool_.Add(match.from), pool_.Add(match.to)};
  }
  // What it may match at most: a live set may hold anything.
  PooledMatch PooledAtMost(const Match& match) {
    return {&match, pool_.Add(match.from_live != 0 ? any_ : match.from),
            pool_.Add(match.to_live != 0 ? any_ : match.to)};
  }

  void CheckRule(const Rule& rule, const PooledMatch& match, const std::vector<Earlier>& earlier) {
    WorkBudget budget(std::min(kStepsOfRule, budget_.left()));
    const size_t granted = budget.left();
    std::vector<PooledMatch> others;
    std::vector<const Earlier*> named;
    for (const Earlier& each : earlier) {
      if (budget.used_up() || !Overlap(match, each.match, pool_, budget)) continue;
      others.push_back(each.match);
      named.push_back(&each);
    }
    Cover cover{Cover::Outcome::kUndecided, {}};
    if (!budget.used_up()) cover = FindCover(match, others, pool_, budget);
    budget_.Spend(granted - budget.left());
    if (cover.outcome == Cover::Outcome::kUndecided) {
      if (undecided_count_++ == 0) undecided_ = &rule;
    } else if (cover.outcome == Cover::Outcome::kCovered && !cover.by.empty()) {
      Report(rule, cover, named);
    }
  }

  void Report(const Rule& rule, const Cover& cover, const std::vector<const Earlier*>& named) {
    const bool alone = cover.by.size() == 1;
    Diagnostic& warning = diagnostics_.Warning(
        std::string(kShadowedRule), rule.span,
        fmt::format("rule `{}` ({}) never matches: {} before it match{} all its packets", rule.key,
                    ToString(rule.direction),
                    alone ? named[cover.by[0]]->name : fmt::format("{} rules", cover.by.size()),
                    alone ? "es" : ""),
        fmt::format("move it up, remove it, or write `ignore: [{}: why]`", kShadowedRule));
    for (const size_t index : cover.by) {
      if (warning.notes.size() == kNotedCoverers) break;
      warning.notes.push_back(
          {named[index]->span, fmt::format("{} matches first", named[index]->name)});
    }
    if (cover.by.size() > kNotedCoverers) {
      warning.notes.back().message +=
          fmt::format(", and {} more", cover.by.size() - kNotedCoverers);
    }
  }

  const Node& node_;
  Diagnostics& diagnostics_;
  const AddressSet any_ = AddressSet::Any();
  AddressPool pool_;
  WorkBudget budget_;
  const Rule* undecided_ = nullptr;
  size_t undecided_count_ = 0;
};

}  // namespace

std::span<const std::string_view> RuleLints() { return kRuleLints; }

void LintNode(const Node& node, Diagnostics& diagnostics) {
  Shadows shadows(node, diagnostics);
  for (const Interface& interface : node.interfaces) {
    shadows.Check(interface, Direction::kIn);
    shadows.Check(interface, Direction::kOut);
  }
  shadows.ReportUndecided();
}

}  // namespace portmatrix
