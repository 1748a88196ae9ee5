// SPDX-License-Identifier: Apache-2.0
// From a policy as written to the model of one node: names become addresses and rules, each rule
// gets its direction on each interface that lists its matrix, and what only shows up there
// (overlaps, limits, contradictions) is refused.
#ifndef PORTMATRIX_AGENT_POLICY_RESOLVE_H_
#define PORTMATRIX_AGENT_POLICY_RESOLVE_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "agent/policy/diagnostic.h"
#include "agent/policy/model.h"
#include "agent/policy/policy.h"
#include "agent/policy/source.h"

namespace portmatrix {

// What a node says of its rules beside their meaning (model.h, RuleText): nobody in the agent asks.
enum class RuleTexts : uint8_t { kKept, kLeftOut };

// The node called `node`, as of `now_seconds` (since 1970; rules that expire then or before are
// expired). Nothing if resolving it added errors, or if the policy has no such node (an error as
// well). `policy` may be one that was read with errors: what could not be understood there is not
// reported a second time. With `policy.complete` false nothing is done.
std::optional<Node> ResolveNode(const Policy& policy, const Sources& sources, std::string_view node,
                                int64_t now_seconds, Diagnostics& diagnostics,
                                RuleTexts texts = RuleTexts::kKept);

// The next moment after `now_seconds` at which a rule of the node that is in force expires.
std::optional<int64_t> NextExpiry(const Node& node, int64_t now_seconds);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_RESOLVE_H_
