// SPDX-License-Identifier: Apache-2.0
// The part of Firewall that takes up what was there before: how the agent starts, and how it goes
// back.
#include <fmt/format.h>

#include <utility>

#include "agent/firewall.h"

namespace portmatrix {

Answer<Applied> Firewall::Start(const ReadFiles& first) {
  for (const std::string& complaint : store_.complaints())
    alarms_.Raise("state directory: " + complaint.substr(0, complaint.find(':')), complaint);
  const Result<Standing> standing = enforcement_.Stand();
  if (!standing) return Refusal::Runtime(standing.error());
  // A start that was refused, and ended before all its pins were gone: nobody detached anything.
  const bool left_over =
      standing->detached() && store_.generations().empty() && store_.complaints().empty();
  if ((!standing->untouched() && !left_over) || store_.detached()) {
    CheckFiles(*standing, first);
    if (!standing->detached() && NodeOf(standing->judging) != node_)
      alarms_.Raise("node", fmt::format("the policy in force is that of node {}, this is {}",
                                        NodeOf(standing->judging), node_));
    if (!standing->detached() && !BindsNothing(standing->judging))
      alarms_.Note(fmt::format("generation {} judges{} (found in the kernel)",
                               standing->judging.number, standing->pending() ? " on trial" : ""));
    enforcement_.Tick();
    return Applied(standing->pending() ? Applied::Result::kPending : Applied::Result::kUnchanged,
                   standing->judging.number, FingerprintOf(standing->judging));
  }
  if (!store_.confirmed() && store_.complaints().empty()) return StartFirst(*standing, first);
  Answer<Applied> started = StartStored(*standing, first);
  if (const Result<Standing> after = enforcement_.Stand(); started && after)
    CheckFiles(*after, first);
  return started;
}

void Firewall::CheckFiles(const Standing& standing, const ReadFiles& files) {
  if (!files || standing.detached()) return;
  const Answer<Sources> sources = files();
  Answer<Proposal> proposal =
      sources ? Answer<Proposal>(Refusal::Refused("")) : Answer<Proposal>(sources.refusal());
  if (sources) {
    if (FingerprintOf(*sources, node_) == FingerprintOf(standing.judging)) return;
    proposal = Propose(*sources, node_, clock_.NowSeconds(), false);
  }
  if (proposal) return;  // they differ and are sound: `status` says so
  alarms_.Raise(kFilesAlarm, fmt::format("{}; generation {} is in force, the last good one",
                                         proposal.refusal().text, standing.judging.number));
  if (!proposal.refusal().diagnostics.empty()) alarms_.Note(proposal.refusal().diagnostics);
}

// The confirmed generation, or where that cannot be read the last one that was confirmed and can;
// where there is none any more, the files.
Answer<Applied> Firewall::StartStored(const Standing& untouched, const ReadFiles& first) {
  std::vector<uint64_t> numbers;
  if (store_.confirmed()) numbers.push_back(*store_.confirmed());
  const auto& generations = store_.generations();
  for (auto last = generations.rbegin(); last != generations.rend(); ++last)
    if (last->second.outcome == Outcome::kConfirmed && last->first != store_.confirmed())
      numbers.push_back(last->first);
  std::string broken;
  for (const uint64_t number : numbers) {
    const Result<Sources> sources = store_.LoadSources(number);
    Answer<Node> node =
        sources ? ReadNode(*sources, store_.generations().at(number).node, clock_.NowSeconds())
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
      alarms_.Raise("stored policy",
                    fmt::format("{}generation {} is in force instead", broken, number));
    if (node_ != NodeOf(after->judging))
      alarms_.Raise("node", fmt::format("the policy in force is that of node {}, this is {}",
                                        NodeOf(after->judging), node_));
    alarms_.Note(fmt::format("generation {} judges (the stored one)", number));
    enforcement_.Tick();
    return Applied(Applied::Result::kInstalled, number, FingerprintOf(after->judging));
  }
  return StartWithoutStore(untouched, broken, first);
}

// Nothing that was confirmed can be read. The files are better than nothing; and without them an
// agent must be there all the same, for somebody has to apply a policy again.
Answer<Applied> Firewall::StartWithoutStore(const Standing& untouched, const std::string& broken,
                                            const ReadFiles& first) {
  const std::string lost =
      fmt::format("no stored policy can be read: {}", broken.empty() ? "see the alarms" : broken);
  Answer<Sources> sources =
      first ? first() : Answer<Sources>(Refusal::Runtime({"read", "--policy", 0, "not given"}));
  Answer<Applied> started = sources
                                ? InstallFiles(untouched, *sources, "start without stored policy")
                                : Answer<Applied>(sources.refusal());
  if (started) {
    alarms_.Raise("stored policy", lost + "; the files of --policy are in force instead");
    return started;
  }
  alarms_.Raise("stored policy", fmt::format("{}; nor do the files serve: {}; apply one again",
                                             lost, started.refusal().text));
  enforcement_.Tick();
  return Applied(Applied::Result::kUnchanged, 0, {});
}

Answer<Applied> Firewall::StartFirst(const Standing& standing, const ReadFiles& first) {
  if (!first) {
    enforcement_.Tick();
    return Applied(Applied::Result::kUnchanged, 0, {});
  }
  Answer<Sources> sources = first();
  Answer<Applied> started = sources ? InstallFiles(standing, *sources, "first start")
                                    : Answer<Applied>(sources.refusal());
  if (!started) enforcement_.LeaveNothing();
  return started;
}

}  // namespace portmatrix
