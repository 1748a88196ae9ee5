// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/lint.h"

#include <fmt/format.h>

#include <array>
#include <vector>

#include "agent/policy/action_overlap.h"
#include "agent/policy/lint_run.h"
#include "agent/policy/look_alikes.h"
#include "agent/policy/moment.h"
#include "agent/policy/redundancy.h"
#include "agent/policy/service_ranges.h"
#include "agent/policy/shadowing.h"
#include "agent/policy/unused_sets.h"

namespace portmatrix {
namespace {

constexpr std::array kRuleLints = {kShadowedRule,       kFailsafeCoversRule,  kNeverMatches,
                                   kFamiliesCannotMeet, kRedundantRule,       kOverlappingAction,
                                   kOverBroad,          kRangeTouchesService, kExpiredRule,
                                   kLookAlikeNames};

// Every address of a family.
bool IsAnybody(const AddressSet& set) {
  return set.any() || set.ContainsAll(AddressSet::Of({Prefix{Address{Family::kIpv4, {}}, 0}})) ||
         set.ContainsAll(AddressSet::Of({Prefix{Address{Family::kIpv6, {}}, 0}}));
}

void CheckAlone(const Rule& rule, LintRun& run) {
  if (rule.state == RuleState::kExpired && !IsIgnored(rule, kExpiredRule)) {
    run.Warn(kExpiredRule, rule,
             fmt::format("rule `{}/{}` expired at {}", rule.matrix(), rule.id(),
                         MomentText(*rule.expires)),
             "it is as if absent: remove it, or give it more time");
  }
  if (rule.state == RuleState::kActive && rule.action == Action::kAllow &&
      IsAnybody(rule.match.from) && IsAnybody(rule.match.to) && !IsIgnored(rule, kOverBroad)) {
    run.Warn(
        kOverBroad, rule,
        fmt::format("rule `{}` ({}) allows anybody to open to anybody", rule.key,
                    ToString(rule.direction)),
        fmt::format("name who is meant on one side, or write `ignore: [{}: why]`", kOverBroad));
  }
}

}  // namespace

std::span<const std::string_view> RuleLints() { return kRuleLints; }

bool IsUnreachedLint(std::string_view lint) {
  return lint == kShadowedRule || lint == kFailsafeCoversRule || lint == kNeverMatches;
}

void LintNode(const Node& node, Diagnostics& diagnostics) {
  LintRun run(node, diagnostics);
  for (const Interface& interface : node.interfaces) {
    for (const Rule& rule : interface.rules) CheckAlone(rule, run);
    for (const Direction direction : {Direction::kIn, Direction::kOut}) {
      const RuleOrder order = run.Order(interface, direction);
      const std::vector<bool> unreached = FindUnreached(order, run);
      FindRedundant(order, unreached, run);
      FindActionOverlaps(order, unreached, run);
      FindTouchedServices(order, unreached, run);
    }
  }
  run.ReportUndecided();
}

void LintPolicy(const Policy& policy, Diagnostics& diagnostics) {
  FindUnusedSets(policy, diagnostics);
  FindLookAlikes(policy, diagnostics);
}

}  // namespace portmatrix
