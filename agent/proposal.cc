// SPDX-License-Identifier: Apache-2.0
#include "agent/proposal.h"

#include <fmt/format.h>

#include <optional>
#include <utility>
#include <vector>

#include "agent/heap.h"
#include "agent/policy/claim.h"
#include "agent/policy/diagnostic.h"
#include "agent/policy/expect.h"
#include "agent/policy/reader.h"
#include "agent/policy/resolve.h"

namespace portmatrix {
namespace {

std::string Counted(size_t count, const char* singular, const char* plural) {
  return fmt::format("{} {}", count, count == 1 ? singular : plural);
}

size_t BytesOf(const Sources& sources) {
  size_t bytes = 0;
  for (const auto* files : {&sources.documents, &sources.lists})
    for (const SourceFile& file : *files) bytes += file.text.size();
  return bytes;
}

// With `claims`, what the node expects of regions is put there.
Answer<Node> ReadNode(const Sources& sources, std::string_view name, int64_t now_seconds,
                      Diagnostics& diagnostics, std::vector<Claim>* claims = nullptr) {
  const Policy policy = ReadPolicy(sources, diagnostics);
  std::optional<Node> node =
      ResolveNode(policy, sources, name, now_seconds, diagnostics, RuleTexts::kLeftOut);
  if (!node || diagnostics.has_errors()) {
    return Refusal{Refusal::Kind::kInvalidPolicy,
                   fmt::format("the policy of node {} has {}", name,
                               Counted(diagnostics.errors(), "error", "errors")),
                   Render(sources, diagnostics)};
  }
  if (claims != nullptr) *claims = ClaimsOf(policy, name);
  // The policy as it was written goes here, and is most of what the change took.
  if (BytesOf(sources) >= kLargePolicyBytes) TreatFreed(Freed::kHandedBack);
  return std::move(*node);
}

}  // namespace

Answer<Node> ReadNode(const Sources& sources, std::string_view name, int64_t now_seconds) {
  Diagnostics diagnostics;
  return ReadNode(sources, name, now_seconds, diagnostics);
}

Answer<Proposal> Propose(const Sources& sources, std::string_view name, int64_t now_seconds,
                         bool despite_expectations, const std::optional<Fingerprint>& known) {
  Diagnostics diagnostics;
  std::vector<Claim> claims;
  Answer<Node> node = ReadNode(sources, name, now_seconds, diagnostics, &claims);
  if (!node) return node.refusal();
  const size_t before = diagnostics.errors();
  JudgeExpectations(*node, diagnostics);
  ProveClaims(claims, *node, diagnostics);
  const size_t failed = diagnostics.errors() - before;
  if (failed > 0 && !despite_expectations) {
    return Refusal{Refusal::Kind::kRefused,
                   fmt::format("{} failed (--force installs the policy all the same)",
                               Counted(failed, "expectation", "expectations")),
                   Render(sources, diagnostics)};
  }
  Proposal proposal;
  proposal.node = std::move(*node);
  proposal.fingerprint = known ? *known : FingerprintOf(sources, name);
  if (!diagnostics.all().empty()) proposal.warnings = Render(sources, diagnostics);
  return proposal;
}

std::optional<Node> WithExpired(const Node& node, int64_t now_seconds) {
  std::optional<Node> changed;
  for (size_t i = 0; i < node.interfaces.size(); ++i) {
    for (size_t r = 0; r < node.interfaces[i].rules.size(); ++r) {
      const Rule& rule = node.interfaces[i].rules[r];
      if (rule.state != RuleState::kActive || !rule.expires || *rule.expires > now_seconds)
        continue;
      if (!changed) changed = node;
      changed->interfaces[i].rules[r].state = RuleState::kExpired;
    }
  }
  return changed;
}

}  // namespace portmatrix
