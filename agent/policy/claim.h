// SPDX-License-Identifier: Apache-2.0
// Expectations that mean more than one packet, with their names resolved.
#ifndef PORTMATRIX_AGENT_POLICY_CLAIM_H_
#define PORTMATRIX_AGENT_POLICY_CLAIM_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/policy/model.h"
#include "agent/policy/policy.h"
#include "agent/policy/set_table.h"

namespace portmatrix {

// What shall become of every packet of a region: those of `match` that no exception matches, each
// as an expectation would mean it by itself (proof.h).
struct Claim {
  std::string interface;
  Match match;
  std::vector<Match> except;
  Verdict verdict = Verdict::kDrop;
  std::optional<std::string> rule;  // stable key
  Span span;
};

// Protocols and ports as written, with addresses.
Match MatchOf(const WrittenService& service, ResolvedAddresses from, ResolvedAddresses to);

// Nothing if `written` is about one packet, or names what is reported to be wrong: unknown sets,
// and dynamic ones, of which nobody can say what packets they mean.
std::optional<Claim> ResolveClaim(const WrittenExpectation& written, SetTable& sets,
                                  Diagnostics& diagnostics);

// Those of a node that ResolveNode has resolved without errors.
std::vector<Claim> ClaimsOf(const Policy& policy, std::string_view name);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_CLAIM_H_
