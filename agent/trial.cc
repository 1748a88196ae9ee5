// SPDX-License-Identifier: Apache-2.0
// The part of Firewall that ends what is in force: a trial kept or given up, an older policy
// brought back, everything taken down.
#include <fmt/format.h>

#include <utility>

#include "agent/firewall.h"

namespace portmatrix {

Answer<Applied> Firewall::Confirm(const Author& author) {
  Result<Standing> standing = enforcement_.Stand();
  if (!standing) return Refusal::Runtime(standing.error());
  if (standing->pending()) {
    const Result<bool> confirmed = enforcement_.Confirm(*standing);
    if (!confirmed) return Refusal::Runtime(confirmed.error());
    const uint64_t number = standing->judging.number;
    standing = enforcement_.Stand();
    if (!standing) return Refusal::Runtime(standing.error());
    if (*confirmed) {
      alarms_.Note(fmt::format("generation {} was confirmed{}", number, By(author)));
      return Settled(*standing, Applied(Applied::Result::kConfirmed, number,
                                        FingerprintOf(standing->judging)));
    }
    enforcement_.Tick();
    return Refusal::Refused(
        fmt::format("too late: generation {} was rolled back at its deadline", number));
  }
  if (standing->state() == PM_CONTROL_ROLLED_BACK && standing->previous)
    return Refusal::Refused(fmt::format("nothing is on trial: generation {} was rolled back",
                                        standing->previous->number));
  return Refusal::Refused("nothing is on trial");
}

Answer<Applied> Firewall::RollBack(std::optional<uint64_t> number, const Author& author) {
  enforcement_.Tick();
  Result<Standing> standing = enforcement_.Stand();
  if (!standing) return Refusal::Runtime(standing.error());
  if (standing->pending() &&
      (!number || (standing->previous && standing->previous->number == *number))) {
    if (Result<void> done = enforcement_.RollBack(*standing); !done)
      return Refusal::Runtime(done.error());
    enforcement_.Tick();
    const Result<Standing> after = enforcement_.Stand();
    if (!after) return Refusal::Runtime(after.error());
    return Applied(Applied::Result::kRolledBack, after->judging.number,
                   FingerprintOf(after->judging));
  }
  if (standing->pending())
    return Refusal::Refused(fmt::format(
        "generation {} is on trial: confirm it or roll it back first", standing->judging.number));
  if (!number) number = ConfirmedBefore(*standing);
  if (!number) return Refusal::Refused("there is no other confirmed policy to go back to");
  const auto stored = store_.generations().find(*number);
  if (stored == store_.generations().end())
    return Refusal::Refused(fmt::format("generation {} is not in the history", *number));
  const Result<Sources> sources = store_.LoadSources(*number);
  if (!sources) return Refusal::Runtime(sources.error());
  // In an emergency a device that is gone, or an expectation about a rule that expired, must not
  // stand in the way.
  Answer<Proposal> proposal = Propose(*sources, stored->second.node, clock_.NowSeconds(), true);
  if (!proposal) return proposal.refusal();
  if (IsJudging(*standing, proposal->fingerprint)) return Unchanged(*standing, *proposal);
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

Answer<Applied> Firewall::Detach(const Author& author) {
  if (Result<void> detached = enforcement_.Detach(); !detached)
    return Refusal::Runtime(detached.error());
  alarms_.Note("detached" + By(author));
  enforcement_.Tick();
  return Applied(Applied::Result::kDetached, 0, {});
}

}  // namespace portmatrix
