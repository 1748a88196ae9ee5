// SPDX-License-Identifier: Apache-2.0
// The plain meaning of "first match wins": failsafe entries, then the active rules in the order
// written.
#include <array>
#include <vector>

#include "agent/policy/evaluator.h"

namespace portmatrix {
namespace {

class LinearMatcher : public RuleMatcher {
 public:
  explicit LinearMatcher(const Node& node) : node_(node) {
    for (const Interface& interface : node.interfaces) {
      std::array<std::vector<const Rule*>, PM_DIRECTIONS>& active = active_.emplace_back();
      for (const Rule& rule : interface.rules) {
        if (rule.state != RuleState::kActive) continue;
        active[static_cast<size_t>(rule.direction)].push_back(&rule);
      }
    }
  }

  RuleMatch Find(size_t interface, Direction direction, const pm_tuple& tuple,
                 LiveMembership live) const override {
    if (direction == Direction::kIn) {
      for (const FailsafeEntry& entry : node_.failsafe) {
        if (entry.match.Matches(tuple)) return {.action = PM_ACTION_FAILSAFE};
      }
    }
    for (const Rule* rule : active_[interface][static_cast<size_t>(direction)]) {
      if (!rule->match.Matches(tuple, live)) continue;
      return {.action = rule->action == Action::kAllow ? PM_ACTION_ALLOW : PM_ACTION_DENY,
              .rule = rule};
    }
    return {};
  }

 private:
  const Node& node_;
  std::vector<std::array<std::vector<const Rule*>, PM_DIRECTIONS>> active_;  // by interface
};

}  // namespace

std::unique_ptr<RuleMatcher> MakeLinearMatcher(const Node& node) {
  return std::make_unique<LinearMatcher>(node);
}

}  // namespace portmatrix
