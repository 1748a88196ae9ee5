// SPDX-License-Identifier: Apache-2.0
// What is legal in a policy but surely not meant, or worth a second look. A rule silences a lint
// with `ignore: [name: reason]`. DIAGNOSTICS.md has a section and an example for each.
#ifndef PORTMATRIX_AGENT_POLICY_LINT_H_
#define PORTMATRIX_AGENT_POLICY_LINT_H_

#include <span>
#include <string_view>

#include "agent/policy/diagnostic.h"
#include "agent/policy/model.h"
#include "agent/policy/policy.h"

namespace portmatrix {

// Of rules in force that no packet reaches.
inline constexpr std::string_view kShadowedRule = "shadowed-rule";  // rules before match all of it
inline constexpr std::string_view kFailsafeCoversRule = "failsafe-covers-rule";
inline constexpr std::string_view kNeverMatches = "never-matches";  // no address, or all spoofed
inline constexpr std::string_view kFamiliesCannotMeet = "families-cannot-meet";  // see resolve.h
// Of rules in force beside others.
inline constexpr std::string_view kRedundantRule = "redundant-rule";          // redundancy.h
inline constexpr std::string_view kOverlappingAction = "overlapping-action";  // action_overlap.h
inline constexpr std::string_view kRangeTouchesService = "range-touches-service";
// Of single rules.
inline constexpr std::string_view kOverBroad = "over-broad";      // an allow from all to all
inline constexpr std::string_view kExpiredRule = "expired-rule";  // as if absent since then
// Of names.
inline constexpr std::string_view kLookAlikeNames = "look-alike-names";
inline constexpr std::string_view kUnusedSet = "unused-set";

// The names that a rule's `ignore` may have.
std::span<const std::string_view> RuleLints();

// A rule that has it is reached by no packet.
bool IsUnreachedLint(std::string_view lint);

// The lints of the node's rules, each exact: told if and only if there is no packet (or is one)
// that makes the difference. Where deciding would take too long (thousands of overlapping rules),
// it says so with `lint-undecided` instead. What else would be said of a rule that no packet
// reaches is not said.
void LintNode(const Node& node, Diagnostics& diagnostics);

// The lints of names: sets that no rule, `local`, failsafe entry or expectation of any node
// reaches, and names of one kind that are easily mistaken for each other.
void LintPolicy(const Policy& policy, Diagnostics& diagnostics);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_LINT_H_
