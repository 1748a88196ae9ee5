// SPDX-License-Identifier: Apache-2.0
#include "agent/firewall.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cerrno>
#include <utility>

#include "agent/compile/compile.h"

namespace portmatrix {
namespace {

// A limit is the policy's matter, everything else the world's.
Refusal RefusalOf(const Error& error) {
  if (error.code != E2BIG) return Refusal::Runtime(error);
  return {Refusal::Kind::kInvalidPolicy, error.operation + " " + error.object + ": " + error.detail,
          ""};
}

std::vector<std::string> PathsOf(const Sources& sources) {
  std::vector<std::string> paths;
  for (const auto* files : {&sources.documents, &sources.lists})
    for (const SourceFile& file : *files) paths.push_back(file.path);
  return paths;
}

}  // namespace

const char* ToString(Applied::Result result) {
  switch (result) {
    case Applied::Result::kInstalled:
      return "installed";
    case Applied::Result::kPending:
      return "pending";
    case Applied::Result::kUnchanged:
      return "unchanged";
    case Applied::Result::kDryRun:
      return "dry-run";
    case Applied::Result::kConfirmed:
      return "confirmed";
    case Applied::Result::kRolledBack:
      return "rolled-back";
    case Applied::Result::kDetached:
      return "detached";
  }
  return "installed";
}

Firewall::Firewall(std::string node, Enforcement& enforcement, StateDirectory& store,
                   const Clock& clock, Alarms& alarms, ReadLeased leased, FindPaths paths)
    : node_(std::move(node)),
      enforcement_(enforcement),
      store_(store),
      clock_(clock),
      alarms_(alarms),
      leased_(std::move(leased)),
      paths_(std::move(paths)) {}

Answer<Standing> Firewall::StandForChange() {
  const Result<Standing> standing = enforcement_.TakeUp();
  if (!standing) return Refusal::Runtime(standing.error());
  if (standing->pending())
    return Refusal::Refused(fmt::format(
        "generation {} is on trial: confirm it or roll it back first", standing->judging.number));
  return *standing;
}

bool Firewall::IsJudging(const Standing& standing, const Fingerprint& policy) const {
  return !standing.detached() && FingerprintOf(standing.judging) == policy &&
         store_.confirmed() == standing.judging.number;
}

Answer<Applied> Firewall::Noted(Answer<Applied> applied) {
  last_change_ = LastChange{clock_.Now(), static_cast<bool>(applied)};
  return applied;
}

Answer<Applied> Firewall::Apply(const ApplyOrder& order) {
  return order.dry_run ? ApplyOrdered(order) : Noted(ApplyOrdered(order));
}

Answer<Applied> Firewall::Reload(const Sources& sources) { return Noted(ReloadSources(sources)); }

Answer<Applied> Firewall::ApplyOrdered(const ApplyOrder& order) {
  if (order.confirm_seconds &&
      (*order.confirm_seconds == 0 || *order.confirm_seconds > kMaxTrialSeconds))
    return Refusal{Refusal::Kind::kBadRequest,
                   fmt::format("a trial lasts from 1 to {} seconds", kMaxTrialSeconds), ""};
  const Answer<Standing> standing = StandForChange();
  if (!standing) return standing.refusal();
  // The disk takes its time: most candidates are stored, and those that are not leave nothing.
  std::unique_ptr<DurableDraft> draft;
  const Fingerprint fingerprint = FingerprintOf(order.sources, node_);
  if (!order.dry_run && !IsJudging(*standing, fingerprint)) draft = store_.Draft(order.sources);
  Answer<Proposal> proposal =
      Propose(order.sources, node_, clock_.NowSeconds(), order.force, fingerprint);
  if (!proposal) return proposal.refusal();
  if (IsJudging(*standing, proposal->fingerprint)) return Unchanged(*standing, *proposal);
  if (!order.force) {
    const Result<std::vector<std::string>> objections = Objections(proposal->node, order);
    if (!objections) return Refusal::Runtime(objections.error());
    if (order.dry_run) {
      Answer<Applied> dry = DryRun(*standing, *proposal);
      if (dry) dry->objections = *objections;
      return dry;
    }
    if (!objections->empty())
      return Refusal::Refused(fmt::format("{} (--force installs the policy all the same)",
                                          fmt::join(*objections, "; ")));
  }
  if (order.dry_run) return DryRun(*standing, *proposal);
  Installation installation;
  installation.sources = &order.sources;
  installation.draft = std::move(draft);
  installation.proposal = std::move(*proposal);
  installation.note = order.force ? "apply --force" : "apply";
  installation.author = order.author;
  installation.trial_seconds = order.confirm_seconds;
  installation.all_may_be_unhooked = order.force;
  return Install(*standing, std::move(installation));
}

Result<std::vector<std::string>> Firewall::CutBy(const Node& node, Session session,
                                                 const HoldsLive& holds) {
  if (paths_) {
    Result<std::vector<WirePath>> paths = paths_(session);
    if (!paths) return paths.error();
    session.paths = std::move(*paths);
  }
  return WouldCut(node, session, holds);
}

Result<std::vector<std::string>> Firewall::Objections(const Node& node, const ApplyOrder& order) {
  std::vector<std::string> objections;
  if (order.session) {
    Result<std::vector<std::string>> cut = CutBy(node, *order.session, LiveContent());
    if (!cut) return cut.error();
    objections = std::move(*cut);
  }
  if (!leased_) return objections;
  const Result<std::vector<LeasedAddress>> leased = leased_();
  if (!leased) return leased.error();
  for (std::string& objection : WouldExpire(node, *leased))
    objections.push_back(std::move(objection));
  return objections;
}

Result<std::vector<std::string>> Firewall::NewlyExpiring(const Standing& standing,
                                                         const Node& node) const {
  if (!leased_) return std::vector<std::string>{};
  const Result<std::vector<LeasedAddress>> leased = leased_();
  if (!leased) return leased.error();
  std::vector<std::string> objections = WouldExpire(node, *leased);
  if (const Node* judging = enforcement_.nodes().Judging(standing); judging != nullptr)
    for (const std::string& old : WouldExpire(*judging, *leased)) std::erase(objections, old);
  return objections;
}

Answer<Applied> Firewall::ReloadSources(const Sources& sources) {
  const Answer<Standing> standing = StandForChange();
  if (!standing) return standing.refusal();
  if (store_.detached() || (standing->detached() && !standing->untouched()))
    return Refusal::Refused("detached: only `portmatrix apply` brings a policy back into force");
  return InstallFiles(*standing, sources, "reload");
}

Answer<Applied> Firewall::InstallFiles(const Standing& standing, const Sources& sources,
                                       const char* note) {
  Answer<Proposal> proposal = Propose(sources, node_, clock_.NowSeconds(), false);
  if (!proposal) return proposal.refusal();
  if (IsJudging(standing, proposal->fingerprint)) return Unchanged(standing, *proposal);
  const StoredGeneration* latest = nullptr;
  for (const auto& [number, stored] : store_.generations())
    if (stored.fingerprint == proposal->fingerprint) latest = &stored;
  if (latest != nullptr && latest->outcome == Outcome::kRolledBack)
    return Refusal::Refused(
        fmt::format("this policy was rolled back as generation {}: only an explicit "
                    "`portmatrix apply` installs it again",
                    latest->number));
  // A machine that starts must come up protected.
  if (!standing.detached()) {
    const Result<std::vector<std::string>> objections = NewlyExpiring(standing, proposal->node);
    if (!objections) return Refusal::Runtime(objections.error());
    if (!objections->empty())
      return Refusal::Refused(
          fmt::format("{} (only `portmatrix apply --force` installs the policy all the same)",
                      fmt::join(*objections, "; ")));
  }
  Installation installation;
  installation.sources = &sources;
  installation.proposal = std::move(*proposal);
  installation.note = note;
  return Install(standing, std::move(installation));
}

Answer<Applied> Firewall::DryRun(const Standing& standing, const Proposal& proposal) {
  Result<Numbering> numbering = enforcement_.datapath().ReadNumbering();
  if (!numbering) return Refusal::Runtime(numbering.error());
  Result<uint64_t> number = enforcement_.NextNumber();
  if (!number) return Refusal::Runtime(number.error());
  std::string what;
  if (!NumberNode(proposal.node, enforcement_.datapath().limits(), &*numbering, &what) ||
      !Compile(proposal.node, *numbering, *number, &what))
    return Refusal{Refusal::Kind::kInvalidPolicy, what, ""};
  Applied applied(Applied::Result::kDryRun, *number, proposal.fingerprint);
  applied.warnings = proposal.warnings;
  applied.changes = ChangesTo(standing, proposal.node);
  return applied;
}

Applied Firewall::Unchanged(const Standing& standing, const Proposal& proposal) const {
  Applied applied(Applied::Result::kUnchanged, standing.judging.number, proposal.fingerprint);
  applied.warnings = proposal.warnings;
  applied.alarms = StandingAlarms();
  return applied;
}

// A node without a rule where nothing is in force.
const Node& Firewall::JudgingNode(const Standing& standing) const {
  static const Node kNone;
  const Node* judging = standing.detached() ? nullptr : enforcement_.nodes().Judging(standing);
  return judging != nullptr ? *judging : kNone;
}

RuleChanges Firewall::ChangesTo(const Standing& standing, const Node& node) const {
  return ChangesBetween(JudgingNode(standing), node);
}

StoredChanges Firewall::ToStore(const Standing& standing, const RuleChanges& changes,
                                const Node& node, const std::vector<std::string>& files) const {
  const auto before = store_.generations().find(standing.judging.number);
  return portmatrix::ToStore(
      changes, JudgingNode(standing),
      before != store_.generations().end() ? before->second.files : std::vector<std::string>(),
      node, files);
}

Answer<Applied> Firewall::Install(Standing standing, Installation installation) {
  if (standing.detached() && !standing.untouched()) {
    if (Result<void> opened = enforcement_.Reopen(); !opened)
      return Refusal::Runtime(opened.error());
    const Result<Standing> again = enforcement_.Stand();
    if (!again) return Refusal::Runtime(again.error());
    standing = *again;
  }
  const Result<uint64_t> next = enforcement_.NextNumber();
  if (!next) return Refusal::Runtime(next.error());
  StoredGeneration stored;
  stored.number = *next + (standing.detached() && installation.trial_seconds ? 1 : 0);
  stored.node = installation.proposal.node.name;
  stored.fingerprint = installation.proposal.fingerprint;
  stored.stored_at = clock_.Now();
  stored.author = installation.author;
  stored.note = installation.note;
  stored.files = PathsOf(*installation.sources);
  stored.trial_seconds = installation.trial_seconds;
  Applied applied(Applied::Result::kInstalled, stored.number, stored.fingerprint);
  applied.warnings = std::move(installation.proposal.warnings);
  applied.changes = ChangesTo(standing, installation.proposal.node);
  stored.changes = ToStore(standing, applied.changes, installation.proposal.node, stored.files);
  if (!installation.draft) installation.draft = store_.Draft(*installation.sources);
  bool was_stored = false;
  const auto store = [&]() -> Result<void> {
    was_stored = true;
    return store_.Store(stored, *installation.draft, Enforcement::KeptNumbers(standing));
  };

  Enforcement::Order order;
  order.store = store;
  order.number = stored.number;
  order.fingerprint = stored.fingerprint;
  order.node = std::move(installation.proposal.node);
  order.all_may_be_unhooked = installation.all_may_be_unhooked;
  if (installation.trial_seconds) order.trial_milliseconds = *installation.trial_seconds * 1000;
  const Result<Standing> after = enforcement_.Bring(standing, std::move(order));
  if (!after) {
    // The history tells of every attempt.
    if (!was_stored) (void)store();
    (void)store_.Conclude(stored.number, Outcome::kFailed);
    return RefusalOf(after.error());
  }
  alarms_.Clear(kFilesAlarm);
  if (after->pending()) {
    const auto left = static_cast<int64_t>(after->deadline() - clock_.BootMilliseconds());
    applied.result = Applied::Result::kPending;
    applied.deadline = clock_.Now() + left * 1'000'000;
    alarms_.Note(fmt::format("generation {} judges on trial for {} s ({}{})", stored.number,
                             *installation.trial_seconds, stored.note, By(stored.author)));
    enforcement_.Tick();
    applied.alarms = StandingAlarms();
    return applied;
  }
  alarms_.Note(
      fmt::format("generation {} judges ({}{})", stored.number, stored.note, By(stored.author)));
  return Settled(*after, std::move(applied));
}

// Acknowledges only what is on the disk too.
Answer<Applied> Firewall::Settled(const Standing& standing, Applied applied) {
  Result<void> confirmed = store_.Confirm(standing.judging.number);
  if (confirmed) confirmed = store_.SetDetached(false);
  enforcement_.Tick();
  if (!confirmed)
    return Refusal{Refusal::Kind::kRuntime,
                   fmt::format("generation {} is in force, but a boot would not know it: {}",
                               standing.judging.number, confirmed.error().Text()),
                   ""};
  applied.alarms = StandingAlarms();
  return applied;
}

std::vector<std::string> Firewall::StandingAlarms() const {
  std::vector<std::string> lines;
  for (const auto& [subject, alarm] : alarms_.standing())
    lines.push_back(subject + ": " + alarm.text);
  return lines;
}

}  // namespace portmatrix
