// SPDX-License-Identifier: Apache-2.0
#include "agent/known_nodes.h"

#include <fmt/format.h>

#include <string>

#include "agent/proposal.h"

namespace portmatrix {
namespace {

std::string Subject(uint64_t generation) { return fmt::format("generation {}", generation); }

}  // namespace

void KnownNodes::Follow(const Standing& standing) {
  std::map<uint64_t, std::optional<Node>> next;
  const auto take = [&](const pm_generation& record) {
    const auto found = nodes_.find(record.number);
    if (found != nodes_.end())
      next[record.number] = std::move(found->second);
    else
      next[record.number] = Read(record);
  };
  if (!standing.detached()) take(standing.judging);
  if (standing.previous && !next.contains(standing.previous->number)) take(*standing.previous);
  for (const auto& [number, node] : nodes_)
    if (!next.contains(number)) alarms_.Clear(Subject(number));
  nodes_ = std::move(next);
}

void KnownNodes::Clear() {
  for (const auto& [number, node] : nodes_) alarms_.Clear(Subject(number));
  nodes_.clear();
}

const Node* KnownNodes::Find(uint64_t generation) const {
  const auto found = nodes_.find(generation);
  return found != nodes_.end() && found->second ? &*found->second : nullptr;
}

std::optional<Node> KnownNodes::Read(const pm_generation& record) {
  if (BindsNothing(record)) return Node{};
  const auto fail = [&](const std::string& why) {
    alarms_.Raise(
        Subject(record.number),
        fmt::format("it is in force, but its policy cannot be read ({}): expiries and devices "
                    "that come back are not followed until a policy is applied",
                    why));
    return std::nullopt;
  };
  const auto stored = store_.generations().find(record.number);
  if (stored == store_.generations().end()) return fail("the state directory does not have it");
  if (stored->second.fingerprint != FingerprintOf(record))
    return fail("the state directory has another policy under this number");
  const Result<Sources> sources = store_.LoadSources(record.number);
  if (!sources) return fail(sources.error().Text());
  Answer<Node> node =
      ReadNode(*sources, NodeOf(record), static_cast<int64_t>(record.installed_at / 1'000'000'000));
  if (!node) return fail(node.refusal().text);
  return std::move(*node);
}

}  // namespace portmatrix
