// SPDX-License-Identifier: Apache-2.0
// What is legal in a policy but surely not meant. A rule silences a lint with `ignore: [name:
// reason]`.
#ifndef PORTMATRIX_AGENT_POLICY_LINT_H_
#define PORTMATRIX_AGENT_POLICY_LINT_H_

#include <span>
#include <string_view>

#include "agent/policy/diagnostic.h"
#include "agent/policy/model.h"
#include "agent/policy/policy.h"

namespace portmatrix {

inline constexpr std::string_view kShadowedRule = "shadowed-rule";
inline constexpr std::string_view kFamiliesCannotMeet = "families-cannot-meet";
inline constexpr std::string_view kUnusedSet = "unused-set";

// The names that a rule's `ignore` may have.
std::span<const std::string_view> RuleLints();

// `shadowed-rule`: an active rule that no packet can reach, because the earlier rules of its
// interface and direction (failsafe entries before them) match all that it would match. Exact: it
// warns if and only if there is no such packet, whatever the live sets of each rule hold. Where deciding would take too long (thousands of
// overlapping rules), it says so with `shadowing-undecided` instead.
void LintNode(const Node& node, Diagnostics& diagnostics);

// `unused-set`: a set that no rule, `local` or failsafe of any node reaches by its name.
void LintPolicy(const Policy& policy, Diagnostics& diagnostics);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_LINT_H_
