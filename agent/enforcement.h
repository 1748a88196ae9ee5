// SPDX-License-Identifier: Apache-2.0
// What is in force, and its upkeep: brings generations into force, ends trials, lets rules expire,
// keeps devices hooked, and makes kernel and state directory say the same. It decides nothing about
// policies: that is the firewall's part.
#ifndef PORTMATRIX_AGENT_ENFORCEMENT_H_
#define PORTMATRIX_AGENT_ENFORCEMENT_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "agent/alarms.h"
#include "agent/change.h"
#include "agent/clock.h"
#include "agent/datapath/datapath.h"
#include "agent/known_nodes.h"
#include "agent/live_sets.h"
#include "agent/protection.h"
#include "agent/standing.h"
#include "agent/state_directory.h"

namespace portmatrix {

inline constexpr uint64_t kTickMilliseconds = 5000;
// Nothing tells of a link that was detached by force or of a program put before ours: looking so
// often finds it in time.
inline constexpr uint64_t kGlanceMilliseconds = 40;

using OpenDatapath = std::function<Result<std::unique_ptr<Datapath>>()>;

class Enforcement {
 public:
  // `open` finds the pins, or makes them; it is called again after they were removed. All
  // references outlive this.
  Enforcement(std::unique_ptr<Datapath> datapath, OpenDatapath open, StateDirectory& store,
              const Clock& clock, Alarms& alarms);

  Result<Standing> Stand() { return ReadStanding(*datapath_); }
  // After pins were removed: finds or makes new ones. To be called before the first change after
  // that.
  Result<void> Reopen();

  // The next free number: above all that the kernel or the disk ever saw.
  Result<uint64_t> NextNumber();
  // The generations whose files must stay.
  static std::set<uint64_t> KeptNumbers(const Standing& standing);

  struct Order {
    // With a trial while nothing is in force the number before this one must be free as well.
    uint64_t number = 0;
    Fingerprint fingerprint{};
    Node node;
    std::optional<uint64_t> trial_milliseconds;  // it falls back unless confirmed in that time
    std::function<Result<void>()> store;         // Change::store
    bool all_may_be_unhooked = false;  // else only devices that are hooked or bound already
  };
  // Brings a generation into force. After an error nothing has changed. E2BIG: a limit does not
  // suffice.
  Result<Standing> Bring(const Standing& standing, Order order);

  // Ends a trial. False if the program was first, or the deadline has passed: the trial is then
  // rolled back.
  Result<bool> Confirm(const Standing& standing);
  Result<void> RollBack(const Standing& standing);
  // Removes every hook and pin, and remembers that.
  Result<void> Detach();
  // Removes them if no generation was ever put in force on them, as at a start that was refused.
  void LeaveNothing();

  // Sees to whatever time or the world made necessary. What fails is an alarm, and tried again.
  void Tick();
  // The first part of it alone, and how things stand then: what the clock and the kernel program
  // decided, without a look at hooks and pins. For a change, which sees to those itself.
  Result<Standing> TakeUp();
  // Is anything loose? A cheap look between the ticks; if so, Tick is to be called.
  bool Glance();
  // In how many milliseconds Tick has something to do.
  uint64_t UntilNextTick();

  Datapath& datapath() { return *datapath_; }
  LiveSets& live_sets() { return live_sets_; }
  const Alarms& alarms() const { return alarms_; }
  const Protection& protection() const { return protection_; }
  const KnownNodes& nodes() const { return nodes_; }

 private:
  void AfterRollBack(const Standing& standing);
  bool Expire(const Standing& standing);
  Result<void> InstallExpired(const Standing& standing, Node judging, std::optional<Node> previous);
  void RememberConfirmed(const Standing& standing);
  void ConcludeLeftovers(const Standing& standing);
  void Tidy(const Standing& standing);
  Result<void> ForgetLiveSets(const Standing& standing);
  Result<void> RetireRules(const Standing& standing);
  void KeepHooked(const Standing& standing);
  void KeepPinned();
  // Keeps a failure as an alarm of the subject, or ends it.
  bool Told(const char* subject, const Result<void>& done);

  std::unique_ptr<Datapath> datapath_;
  OpenDatapath open_;
  StateDirectory& store_;
  const Clock& clock_;
  Alarms& alarms_;
  Protection protection_;
  KnownNodes nodes_;
  LiveSets live_sets_;
  uint64_t ticked_ = 0;    // the control word at the end of the last tick
  uint64_t seen_to_ = 0;   // the last control word whose roll-back was seen to
  bool tidy_owed_ = true;  // something may be left that no retained generation needs
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_ENFORCEMENT_H_
