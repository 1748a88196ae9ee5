// SPDX-License-Identifier: Apache-2.0
// The part of Firewall that takes up what was there before: how the agent starts, and how it goes back.
#include <fmt/format.h>

#include <utility>

#include "agent/firewall.h"

namespace portmatrix {

Answer<Applied> Firewall::Start(const ReadFiles& first) {
  for (const std::string& complaint : store_.complaints())
    alarms_.Raise("state directory: " + complaint.substr(0, complaint.find(':')), complaint);
  const Result<Standing> standing = enforcement_.Stand();
  if (!standing) return Refusal::Runtime(standing.error());
  if (!standing->untouched() || store_.detached()) {
    if (!standing->detached() && NodeOf(standing->judging) != node_)
      alarms_.Raise("node", fmt::format("the policy in force is that of node {}, this is {}",
                                        NodeOf(standing->judging), node_));
    enforcement_.Tick();
    return Applied{standing->pending() ? Applied::Result::kPending : Applied::Result::kUnchanged,
                   standing->judging.number, FingerprintOf(standing->judging), std::nullopt, "", {}};
  }
  return store_.confirmed() ? StartStored() : StartFirst(*standing, first);
}

// The confirmed generation, or where that cannot be read the last one that was confirmed and can.
Answer<Applied> Firewall::StartStored() {
  std::vector<uint64_t> numbers = {*store_.confirmed()};
  for (auto at = store_.generations().rbegin(); at != store_.generations().rend(); ++at)
    if (at->second.outcome == Outcome::kConfirmed && at->first != numbers[0])
      numbers.push_back(at->first);
  std::string broken;
  for (const uint64_t number : numbers) {
    const Result<Sources> sources = store_.LoadSources(number);
    Answer<Node> node = sources ? ReadNode(*sources, store_.generations().at(number).node,
                                           clock_.NowSeconds())
                                : Answer<Node>(Refusal::Runtime(sources.error()));
    if (!node) {
      broken += fmt::format("generation {}: {}; ", number, node.refusal().text);
      continue;
    }
    const Result<Standing> standing = enforcement_.Stand();
    if (!standing) return Refusal::Runtime(standing.error());
    Enforcement::Order order;
    order.number = number;
    order.fingerprint = store_.generations().at(number).fingerprint;
    order.node = std::move(*node);
    order.all_may_be_unhooked = true;
    const Result<Standing> after = enforcement_.Bring(*standing, std::move(order));
    if (!after) return Refusal::Runtime(after.error());
    if (!broken.empty())
      alarms_.Raise("stored policy", fmt::format("{}generation {} is in force instead", broken, number));
    if (node_ != NodeOf(after->judging))
      alarms_.Raise("node", fmt::format("the policy in force is that of node {}, this is {}",
                                        NodeOf(after->judging), node_));
    enforcement_.Tick();
    return Applied{Applied::Result::kInstalled, number, FingerprintOf(after->judging), std::nullopt, "", {}};
  }
  return Refusal{Refusal::Kind::kRuntime,
                 fmt::format("nothing is in force, and no stored policy can be read: {}apply one again", broken),
                 ""};
}

Answer<Applied> Firewall::StartFirst(const Standing& standing, const ReadFiles& first) {
  if (!first) {
    enforcement_.Tick();
    return Applied{Applied::Result::kUnchanged, 0, {}, std::nullopt, "", {}};
  }
  Answer<Sources> sources = first();
  if (!sources) return sources.refusal();
  return InstallFiles(standing, *sources, "first start");
}

Answer<Applied> Firewall::RollBack(std::optional<uint64_t> number, const Author& author) {
  enforcement_.Tick();
  Result<Standing> standing = enforcement_.Stand();
  if (!standing) return Refusal::Runtime(standing.error());
  if (standing->pending() && (!number || (standing->previous && standing->previous->number == *number))) {
    if (Result<void> done = enforcement_.RollBack(*standing); !done) return Refusal::Runtime(done.error());
    enforcement_.Tick();
    const Result<Standing> after = enforcement_.Stand();
    if (!after) return Refusal::Runtime(after.error());
    return Applied{Applied::Result::kRolledBack, after->judging.number, FingerprintOf(after->judging),
                   std::nullopt, "", {}};
  }
  if (standing->pending())
    return Refusal::Refused(fmt::format("generation {} is on trial: confirm it or roll it back first",
                                        standing->judging.number));
  if (!number) number = ConfirmedBefore(*standing);
  if (!number) return Refusal::Refused("there is no other confirmed policy to go back to");
  const auto stored = store_.generations().find(*number);
  if (stored == store_.generations().end())
    return Refusal::Refused(fmt::format("generation {} is not in the history", *number));
  const Result<Sources> sources = store_.LoadSources(*number);
  if (!sources) return Refusal::Runtime(sources.error());
  // In an emergency a device that is gone, or an expectation about a rule that expired, must not stand in the way.
  Answer<Proposal> proposal = Propose(*sources, stored->second.node, clock_.NowSeconds(), true);
  if (!proposal) return proposal.refusal();
  if (IsJudging(*standing, *proposal))
    return Applied{Applied::Result::kUnchanged, standing->judging.number, proposal->fingerprint,
                   std::nullopt, "", {}};
  Installation installation;
  installation.sources = &*sources;
  installation.proposal = std::move(*proposal);
  installation.note = fmt::format("rollback to {}", *number);
  installation.author = author;
  installation.all_may_be_unhooked = true;
  return Install(*standing, std::move(installation));
}

std::optional<uint64_t> Firewall::ConfirmedBefore(const Standing& standing) const {
  std::optional<uint64_t> before;
  for (const auto& [number, stored] : store_.generations()) {
    if (stored.outcome != Outcome::kConfirmed || number == standing.judging.number) continue;
    if (stored.fingerprint != FingerprintOf(standing.judging)) before = number;
  }
  return before;
}

}  // namespace portmatrix
