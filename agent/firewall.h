// SPDX-License-Identifier: Apache-2.0
// What the agent can be asked to do, with every gate that a policy passes on its way to the kernel.
// Each call is one decision: it has happened when it returns, or has not.
//
// Sources -> read, resolve, expectations (proposal.h) -> stored -> prepared and swapped (change.h)
// -> confirmed on disk
#ifndef PORTMATRIX_AGENT_FIREWALL_H_
#define PORTMATRIX_AGENT_FIREWALL_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/clock.h"
#include "agent/enforcement.h"
#include "agent/guards.h"
#include "agent/live_sets.h"
#include "agent/policy/source.h"
#include "agent/proposal.h"
#include "agent/refusal.h"
#include "agent/rule_changes.h"
#include "agent/state_directory.h"

namespace portmatrix {

inline constexpr uint64_t kMaxTrialSeconds = uint64_t{24} * 3600;
// Subject of the alarm that files could not be taken up by themselves; the next change ends it.
inline constexpr char kFilesAlarm[] = "policy files";

struct ApplyOrder {
  Sources sources;
  Author author;
  std::optional<uint64_t> confirm_seconds;  // a trial of that length
  std::optional<Session> session;           // through which the caller speaks; it must not be cut
  bool dry_run = false;
  bool force = false;  // despite failed expectations, guards, and new devices that cannot be hooked
};

// A change of what a live set holds.
struct LiveSetOrder {
  enum class Kind { kAdd, kDelete, kFlush };
  Kind kind = Kind::kAdd;
  std::string set;
  std::vector<Prefix> prefixes;
  std::optional<uint64_t> seconds;  // after which they are over; nothing: never
  Author author;
  std::optional<Session> session;  // through which the caller speaks; it must not be cut
  bool force = false;
};

struct LiveSetState {
  std::string name;
  uint32_t number = 0;
  uint64_t max = 0;
  size_t entries = 0;    // with those that are over and not yet cleared away
  bool in_force = true;  // the judging generation names it; else only the one before
};

struct Applied {
  enum class Result {
    kInstalled,
    kPending,
    kUnchanged,
    kDryRun,
    kConfirmed,
    kRolledBack,
    kDetached
  };

  Applied(Result is, uint64_t number, const Fingerprint& of)
      : result(is), generation(number), fingerprint(of) {}

  Result result;
  uint64_t generation;  // that judges now; of a dry run: that would
  Fingerprint fingerprint;
  std::optional<int64_t> deadline;      // of a trial, nanoseconds since 1970
  std::string warnings;                 // rendered diagnostics
  RuleChanges changes;                  // against what judged before
  std::vector<std::string> objections;  // of a dry run: why the change itself would be refused
  std::vector<std::string>
      alarms;  // that stand after it: a device that could not be hooked, for example
};

const char* ToString(Applied::Result result);  // "installed", "pending", "unchanged", ...

class Firewall {
 public:
  // Reads the files that --policy names.
  using ReadFiles = std::function<Answer<Sources>()>;
  // Reads the addresses of this host that must be renewed.
  using ReadLeased = std::function<Result<std::vector<LeasedAddress>>()>;

  // Finds the paths of a session's packets on this host.
  using FindPaths = std::function<Result<std::vector<WirePath>>(const Session& session)>;

  // All references outlive this.
  Firewall(std::string node, Enforcement& enforcement, StateDirectory& store, const Clock& clock,
           Alarms& alarms, ReadLeased leased, FindPaths paths = nullptr);

  // Takes up what pins or state directory say, else `first` (which may be empty). An error: nothing
  // is in force that should be.
  Answer<Applied> Start(const ReadFiles& first);

  Answer<Applied> Apply(const ApplyOrder& order);
  // The files changed, or somebody asked to read them again: a candidate, but never one that was
  // rolled back, never against `portmatrix detach`, and never one that would let an address expire
  // which the policy in force keeps alive.
  Answer<Applied> Reload(const Sources& sources);
  Answer<Applied> Confirm(const Author& author);
  // Without a number: ends the trial, or else goes back to the policy that was confirmed before.
  Answer<Applied> RollBack(std::optional<uint64_t> number, const Author& author);
  Answer<Applied> Detach(const Author& author);

  // In force with the next packet; no generation changes. All of the entries or, where they do not
  // fit or a guard stands against it, none.
  Answer<LiveSetChange> ChangeLiveSet(const LiveSetOrder& order);
  Answer<std::vector<LiveSetState>> LiveSetStates();
  Answer<LiveSetState> LiveSetCalled(const std::string& name);

  void Tick() { enforcement_.Tick(); }

  // The last change that somebody tried, since the agent started; no dry run.
  struct LastChange {
    int64_t at = 0;  // nanoseconds since 1970
    bool succeeded = false;
  };
  const std::optional<LastChange>& last_change() const { return last_change_; }

  const std::string& node() const { return node_; }
  Enforcement& enforcement() { return enforcement_; }
  const StateDirectory& store() const { return store_; }
  const Clock& clock() const { return clock_; }

 private:
  struct Installation {
    const Sources* sources = nullptr;
    std::unique_ptr<DurableDraft> draft;  // of `sources`, where it was begun already
    Proposal proposal;
    std::string note;
    Author author;
    std::optional<uint64_t> trial_seconds;
    bool all_may_be_unhooked = false;
  };
  // How things stand once an overdue trial has ended; a trial that goes on refuses the change.
  Answer<Standing> StandForChange();
  Answer<Applied> ApplyOrdered(const ApplyOrder& order);
  Answer<Applied> ReloadSources(const Sources& sources);
  Answer<Applied> Noted(Answer<Applied> applied);
  // What stands against an explicit change: its caller's session, the host's own addresses.
  Result<std::vector<std::string>> Objections(const Node& node, const ApplyOrder& order);
  // What live sets hold, or would hold after `order`.
  HoldsLive LiveContent(const LiveSetOrder* order = nullptr);
  bool IsJudging(const Standing& standing, const Fingerprint& policy) const;
  Result<std::vector<std::string>> CutBy(const Node& node, Session session, const HoldsLive& holds);
  // What stands against files that nobody stands behind: what they would newly let expire.
  Result<std::vector<std::string>> NewlyExpiring(const Standing& standing, const Node& node) const;
  Answer<Applied> InstallFiles(const Standing& standing, const Sources& sources, const char* note);
  Answer<Applied> Install(Standing standing, Installation installation);
  Answer<Applied> Settled(const Standing& standing, Applied applied);
  std::vector<std::string> StandingAlarms() const;
  const Node& JudgingNode(const Standing& standing) const;
  RuleChanges ChangesTo(const Standing& standing, const Node& node) const;
  StoredChanges ToStore(const Standing& standing, const RuleChanges& changes, const Node& node,
                        const std::vector<std::string>& files) const;
  // Are the files a policy at all, where they are not what judges?
  void CheckFiles(const Standing& standing, const ReadFiles& files);
  Applied Unchanged(const Standing& standing, const Proposal& proposal) const;
  Answer<Applied> DryRun(const Standing& standing, const Proposal& proposal);
  Answer<Applied> StartStored(const Standing& untouched, const ReadFiles& first);
  Answer<Applied> StartWithoutStore(const Standing& untouched, const std::string& broken,
                                    const ReadFiles& first);
  Answer<Applied> StartFirst(const Standing& standing, const ReadFiles& first);
  std::optional<uint64_t> ConfirmedBefore(const Standing& standing) const;

  std::string node_;
  Enforcement& enforcement_;
  StateDirectory& store_;
  const Clock& clock_;
  Alarms& alarms_;
  ReadLeased leased_;
  FindPaths paths_;
  std::optional<LastChange> last_change_;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_FIREWALL_H_
