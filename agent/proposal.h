// SPDX-License-Identifier: Apache-2.0
// A policy that may become a generation: read, resolved for this node, and proven by its own
// expectations. Pure, but that a large policy has the heap hand back what it frees (heap.h).
#ifndef PORTMATRIX_AGENT_PROPOSAL_H_
#define PORTMATRIX_AGENT_PROPOSAL_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agent/fingerprint.h"
#include "agent/policy/model.h"
#include "agent/policy/source.h"
#include "agent/refusal.h"

namespace portmatrix {

struct Proposal {
  Node node;
  Fingerprint fingerprint{};
  std::string warnings;  // rendered
};

// The node `name` of `sources` as of `now_seconds`. Refused: an invalid policy always, failed
// expectations unless `despite_expectations` (they are then among the warnings). `known` is what
// FingerprintOf says of them, where somebody has asked already.
Answer<Proposal> Propose(const Sources& sources, std::string_view name, int64_t now_seconds,
                         bool despite_expectations,
                         const std::optional<Fingerprint>& known = std::nullopt);

// The same without the expectations: of what was let in before, and is only read again.
Answer<Node> ReadNode(const Sources& sources, std::string_view name, int64_t now_seconds);

// `node` with every rule expired whose time has come; nothing if there is none.
std::optional<Node> WithExpired(const Node& node, int64_t now_seconds);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_PROPOSAL_H_
