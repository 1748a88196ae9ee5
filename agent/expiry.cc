// SPDX-License-Identifier: Apache-2.0
// The part of Enforcement that lets rules expire.
#include <fmt/format.h>

#include <utility>

#include "agent/enforcement.h"
#include "agent/proposal.h"

namespace portmatrix {

bool Enforcement::Expire(const Standing& standing) {
  const Node* judging = nodes_.Judging(standing);
  if (judging == nullptr) return false;
  const int64_t now = clock_.NowSeconds();
  std::optional<Node> next = WithExpired(*judging, now);
  std::optional<Node> next_previous;
  // What a trial falls back to must not bring an expired rule back.
  if (standing.pending())
    if (const Node* previous = nodes_.Previous(standing); previous != nullptr)
      next_previous = WithExpired(*previous, now);
  if (!next && !next_previous) return false;
  if (!next) next = *judging;
  return Told("expiry", InstallExpired(standing, std::move(*next), std::move(next_previous)));
}

Result<void> Enforcement::InstallExpired(const Standing& standing, Node judging,
                                         std::optional<Node> previous) {
  Result<uint64_t> number = NextNumber();
  if (!number) return number.error();
  const auto store = [&](const pm_generation& record) -> Result<NewGeneration> {
    StoredGeneration stored;
    const auto before = store_.generations().find(record.number);
    if (before != store_.generations().end()) stored = before->second;
    stored.number = (*number)++;
    stored.node = portmatrix::NodeOf(record);
    stored.fingerprint = FingerprintOf(record);
    stored.stored_at = clock_.Now();
    stored.author = {};
    stored.note = fmt::format("rules of generation {} expired", record.number);
    stored.changes = {};
    if (!standing.pending()) stored.trial_seconds.reset();
    stored.outcome = Outcome::kCandidate;
    const Result<void> done = store_.StoreAnother(stored, KeptNumbers(standing));
    if (!done) return done.error();
    return NewGeneration{stored.number, stored.stored_at, stored.fingerprint, nullptr};
  };

  if (Result<void> waited = datapath_->WaitForPrograms(); !waited) return waited;
  Change change;
  change.expected = standing.control;
  if (previous) {
    Result<NewGeneration> stored = store(*standing.previous);
    if (!stored) return stored.error();
    change.previous = *stored;
    change.previous->node = &*previous;
  }
  Result<NewGeneration> stored = store(standing.judging);
  if (!stored) return stored.error();
  change.judging = *stored;
  change.judging.node = &judging;
  change.may_be_unhooked = DevicesOf(judging);
  if (standing.pending()) {
    change.state = PM_CONTROL_PENDING;
    change.deadline = [&] { return standing.deadline(); };
    change.keeps_previous = true;
  }
  const Result<uint64_t> control = CarryOut(change, *datapath_);
  if (!control) {
    for (const auto* made : {&change.judging, change.previous ? &*change.previous : nullptr})
      if (made != nullptr) (void)store_.Discard(made->number);
    return control.error();
  }

  alarms_.Note(fmt::format("generation {} took the place of {}: rules expired",
                           change.judging.number, standing.judging.number));
  if (standing.pending()) (void)store_.Conclude(standing.judging.number, Outcome::kReplaced);
  if (change.previous) nodes_.Add(change.previous->number, std::move(*previous));
  nodes_.Add(change.judging.number, std::move(judging));
  tidy_owed_ = true;
  return {};
}

}  // namespace portmatrix
