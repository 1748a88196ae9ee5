// SPDX-License-Identifier: Apache-2.0
#include "agent/enforcement.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "agent/policy/resolve.h"

namespace portmatrix {
namespace {

constexpr char kStateDirectory[] = "state directory";
constexpr char kTrial[] = "trial";

}  // namespace

Enforcement::Enforcement(std::unique_ptr<Datapath> datapath, OpenDatapath open,
                         StateDirectory& store, const Clock& clock, Alarms& alarms)
    : datapath_(std::move(datapath)),
      open_(std::move(open)),
      store_(store),
      clock_(clock),
      alarms_(alarms),
      protection_(clock, alarms),
      nodes_(store, alarms),
      live_sets_(store.path(), clock, alarms) {}

bool Enforcement::Told(const char* subject, const Result<void>& done) {
  if (done)
    alarms_.Clear(subject);
  else
    alarms_.Raise(subject, done.error().Text());
  return done.ok();
}

Result<void> Enforcement::Reopen() {
  Result<std::unique_ptr<Datapath>> opened = open_();
  if (!opened) return opened.error();
  datapath_ = std::move(*opened);
  nodes_.Clear();
  live_sets_.Lose();
  tidy_owed_ = true;
  return {};
}

Result<uint64_t> Enforcement::NextNumber() {
  uint64_t highest = store_.highest_number();
  for (uint32_t slot = 0; slot < PM_SLOTS; ++slot) {
    const Result<pm_generation> record = datapath_->ReadGeneration(slot);
    if (!record) return record.error();
    highest = std::max<uint64_t>(highest, record->number);
  }
  return highest + 1;
}

std::set<uint64_t> Enforcement::KeptNumbers(const Standing& standing) {
  std::set<uint64_t> kept;
  if (!standing.detached()) kept.insert(standing.judging.number);
  if (standing.previous) kept.insert(standing.previous->number);
  return kept;
}

Result<Standing> Enforcement::Bring(const Standing& standing, Order order) {
  // Whoever judged by a slot that is to be filled must have finished; before the first policy
  // nobody judged.
  if (tidy_owed_ && !standing.untouched())
    if (Result<void> waited = datapath_->WaitForPrograms(); !waited) return waited.error();

  const int64_t now = clock_.Now();
  Change change;
  change.expected = standing.control;
  change.judging = {order.number, now, order.fingerprint, &order.node};
  change.store = order.store;
  Node nothing;
  nothing.name = order.node.name;
  if (order.trial_milliseconds) {
    change.state = PM_CONTROL_PENDING;
    change.deadline = [&] { return clock_.BootMilliseconds() + *order.trial_milliseconds; };
    if (standing.detached())
      change.previous = NewGeneration{order.number - 1, now, Fingerprint{}, &nothing};
  }
  if (order.all_may_be_unhooked) {
    change.may_be_unhooked = DevicesOf(order.node);
  } else if (const Node* judging = nodes_.Judging(standing); judging != nullptr) {
    change.may_be_unhooked = DevicesOf(*judging);
  }
  change.restore = [this](const std::string& set) { return live_sets_.Restore(set, *datapath_); };
  const Result<uint64_t> control = CarryOut(change, *datapath_);
  if (!control) return control.error();

  Standing after;
  after.control = *control;
  after.judging = RecordOf(change.judging);
  if (change.previous)
    after.previous = RecordOf(*change.previous);
  else if (!standing.detached())
    after.previous = standing.judging;
  nodes_.Add(order.number, std::move(order.node));
  alarms_.Clear(kTrial);
  tidy_owed_ = true;
  return after;
}

Result<bool> Enforcement::Confirm(const Standing& standing) {
  if (standing.Overdue(clock_.BootMilliseconds())) {
    if (Result<void> done = RollBack(standing); !done) return done.error();
    return false;
  }
  Result<bool> swapped = datapath_->SwapControl(standing.control, standing.Confirmed());
  if (!swapped || !*swapped) return swapped;
  tidy_owed_ = true;
  if (!standing.Overdue(clock_.BootMilliseconds())) return true;
  // The deadline passed between the look at the clock and the swap, however long that took: nobody
  // can say which was first, so it was too late.
  Standing confirmed = standing;
  confirmed.control = standing.Confirmed();
  if (Result<void> done = RollBack(confirmed); !done) return done.error();
  return false;
}

Result<void> Enforcement::RollBack(const Standing& standing) {
  const Result<bool> swapped = datapath_->SwapControl(standing.control, standing.RolledBack());
  if (!swapped) return swapped.error();
  // Where the program was first, the word says the same already.
  const Result<Standing> after = Stand();
  if (!after) return after.error();
  if (after->state() == PM_CONTROL_ROLLED_BACK) AfterRollBack(*after);
  return {};
}

void Enforcement::AfterRollBack(const Standing& standing) {
  seen_to_ = standing.control;
  tidy_owed_ = true;
  if (standing.previous) {
    Told(kStateDirectory, store_.Conclude(standing.previous->number, Outcome::kRolledBack));
    alarms_.Raise(kTrial, fmt::format("generation {} was rolled back", standing.previous->number));
  }
  if (!BindsNothing(standing.judging)) return;
  // The trial of the first policy: before it nothing was in force, and so it is again.
  const Result<bool> swapped = datapath_->SwapControl(standing.control, standing.Detached());
  if (swapped && *swapped) Told("detach", protection_.Release({}, *datapath_));
}

Result<void> Enforcement::Detach() {
  if (Result<void> stored = store_.SetDetached(true); !stored) return stored;
  live_sets_.Tick(*datapath_);  // the sets come back with the next policy that names them
  live_sets_.Lose();
  if (Result<void> removed = datapath_->Remove(); !removed) return removed;
  protection_.Forget();
  nodes_.Clear();
  return {};
}

void Enforcement::LeaveNothing() {
  if (const Result<Standing> standing = Stand(); !standing || !standing->untouched()) return;
  if (const Result<void> removed = datapath_->Remove(); !removed)
    alarms_.Note(fmt::format("pins are left over: {}", removed.error().Text()));
}

bool Enforcement::Glance() {
  const Result<uint64_t> control = datapath_->ReadControl();
  if (!control || *control != ticked_) return true;
  if (PM_CONTROL_STATE(*control) == PM_CONTROL_DETACHED) return false;
  KeepPinned();
  return !protection_.Holds(*datapath_);
}

// Also while they are gone nothing is lost: the agent holds what they name.
void Enforcement::KeepPinned() {
  const Result<std::vector<std::string>> restored = datapath_->RestorePins();
  if (!restored) {
    alarms_.Raise("pins", restored.error().Text());
    return;
  }
  if (!restored->empty())
    alarms_.Raise("pins",
                  fmt::format("somebody deleted pins; put back: {}", fmt::join(*restored, ", ")));
  else
    alarms_.Clear("pins");
}

Result<Standing> Enforcement::TakeUp() {
  Result<Standing> standing = Stand();
  if (standing) ticked_ = standing->control;
  if (standing && standing->Overdue(clock_.BootMilliseconds())) {
    Told("roll-back", RollBack(*standing));
    standing = Stand();
  }
  if (standing && standing->state() == PM_CONTROL_ROLLED_BACK && standing->control != seen_to_) {
    AfterRollBack(*standing);
    standing = Stand();
  }
  if (standing && !standing->detached()) {
    nodes_.Follow(*standing);
    if (Expire(*standing)) standing = Stand();
  }
  if (!standing) {
    alarms_.Raise("control word", standing.error().Text());
    return standing;
  }
  alarms_.Clear("control word");
  ConcludeLeftovers(*standing);
  if (standing->detached()) {
    if (!standing->untouched()) Told(kStateDirectory, store_.SetDetached(true));
    alarms_.Raise("enforcement", standing->untouched() && !store_.detached()
                                     ? "nothing is in force: no policy was applied yet"
                                     : "nothing is in force: detached until `portmatrix apply`");
    protection_.Forget();
    nodes_.Clear();
    return standing;
  }
  alarms_.Clear("enforcement");
  nodes_.Follow(*standing);
  RememberConfirmed(*standing);
  return standing;
}

void Enforcement::Tick() {
  const Result<Standing> standing = TakeUp();
  if (!standing || standing->detached()) return;
  if (tidy_owed_) Tidy(*standing);
  live_sets_.Tick(*datapath_);
  KeepPinned();
  KeepHooked(*standing);
  if (const Result<uint64_t> control = datapath_->ReadControl(); control) ticked_ = *control;
}

// What is settled in the kernel is the truth on the disk too.
void Enforcement::RememberConfirmed(const Standing& standing) {
  if (standing.pending() || BindsNothing(standing.judging)) return;
  if (store_.detached()) Told(kStateDirectory, store_.SetDetached(false));
  if (store_.confirmed() == standing.judging.number) return;
  Told(kStateDirectory, store_.Confirm(standing.judging.number));
}

// A candidate that the control word does not name is none any more. A trial was not confirmed (the
// machine went down, or everything was detached), and must not come back by itself; a change that
// was killed before its instant never judged.
void Enforcement::ConcludeLeftovers(const Standing& standing) {
  const std::set<uint64_t> kept = KeptNumbers(standing);
  std::vector<std::pair<uint64_t, Outcome>> left;
  for (const auto& [number, stored] : store_.generations())
    if (stored.outcome == Outcome::kCandidate && !kept.contains(number))
      left.emplace_back(number, stored.trial_seconds ? Outcome::kRolledBack : Outcome::kFailed);
  for (const auto& [number, outcome] : left) {
    if (!Told(kStateDirectory, store_.Conclude(number, outcome))) return;
    if (outcome == Outcome::kRolledBack)
      alarms_.Note(fmt::format("the trial of generation {} ended unconfirmed", number));
  }
}

// What no retained generation needs goes: hooks first, for a rule counts as long as a program can
// meet it.
void Enforcement::Tidy(const Standing& standing) {
  if (!Told("wait for programs", datapath_->WaitForPrograms())) return;
  const Node* judging = nodes_.Judging(standing);
  const Node* previous = nodes_.Previous(standing);
  bool done = true;
  if (judging != nullptr && (previous != nullptr || !standing.pending())) {
    std::set<std::string> devices = DevicesOf(*judging);
    if (standing.pending()) devices.merge(DevicesOf(*previous));
    done = Told("detach", protection_.Release(devices, *datapath_));
  }
  if (judging != nullptr && previous != nullptr)
    done = Told("retire rules", RetireRules(standing)) && done;
  if (judging != nullptr && previous != nullptr)
    done = Told("forget dynamic sets", ForgetLiveSets(standing)) && done;
  tidy_owed_ = !done;
}

Result<void> Enforcement::ForgetLiveSets(const Standing& standing) {
  std::set<std::string> named;
  for (const Node* node : {nodes_.Judging(standing), nodes_.Previous(standing)})
    for (const LiveSet& set : node->live_sets) named.insert(set.name);
  return live_sets_.Forget(named, *datapath_);
}

Result<void> Enforcement::RetireRules(const Standing& standing) {
  std::array<std::unordered_set<std::string_view>, PM_DIRECTIONS> named;
  for (const Node* node : {nodes_.Judging(standing), nodes_.Previous(standing)})
    for (const Interface& interface : node->interfaces)
      for (const Rule& rule : interface.rules)
        named.at(static_cast<size_t>(rule.direction)).insert(rule.key);
  const Result<std::vector<RuleIdentity>> unnamed =
      datapath_->RulesBeyond([&](std::string_view key, Direction direction) {
        return named.at(static_cast<size_t>(direction)).contains(key);
      });
  if (!unnamed) return unnamed.error();
  return unnamed->empty() ? Result<void>() : datapath_->Retire(*unnamed);
}

void Enforcement::KeepHooked(const Standing& standing) {
  std::map<std::string, XdpMode> wanted;
  const auto want = [&](const Node* node) {
    if (node == nullptr) return;
    for (const std::string& device : DevicesOf(*node))
      wanted.try_emplace(device, ModeOf(*node, device));
  };
  want(nodes_.Judging(standing));
  if (standing.pending()) want(nodes_.Previous(standing));
  if (nodes_.Judging(standing) == nullptr) {
    // Nobody knows what it binds: what is hooked stays hooked.
    const Result<std::vector<Attachment>> attachments = datapath_->Attachments();
    if (!attachments) {
      alarms_.Raise("attachments", attachments.error().Text());
      return;
    }
    for (const Attachment& attachment : *attachments)
      wanted.try_emplace(attachment.device,
                         attachment.xdp == PM_XDP_GENERIC ? XdpMode::kGeneric : XdpMode::kNative);
  }
  protection_.Keep(wanted, *datapath_);
}

uint64_t Enforcement::UntilNextTick() {
  const Result<Standing> standing = Stand();
  uint64_t wait = tidy_owed_ || live_sets_.is_owed() ? kTickMilliseconds / 5 : kTickMilliseconds;
  if (!standing || standing->detached()) return wait;
  if (standing->pending()) {
    const uint64_t now = clock_.BootMilliseconds();
    wait = std::min(wait, standing->deadline() > now ? standing->deadline() - now : 0);
  }
  for (const Node* node : {nodes_.Judging(*standing), nodes_.Previous(*standing)}) {
    if (node == nullptr) continue;
    const std::optional<int64_t> expiry = NextExpiry(*node, clock_.NowSeconds());
    if (!expiry) continue;
    const int64_t left = *expiry * 1000 - clock_.Now() / 1'000'000;
    wait = std::min(wait, static_cast<uint64_t>(std::max<int64_t>(left, 0)));
  }
  return wait;
}

}  // namespace portmatrix
