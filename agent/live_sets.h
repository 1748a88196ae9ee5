// SPDX-License-Identifier: Apache-2.0
// The agent's part in live sets: entries come and go by its hand, those whose time is over are
// cleared away, and what is there is kept for a boot. The kernel's maps are the truth; the program
// does without all this.
#ifndef PORTMATRIX_AGENT_LIVE_SETS_H_
#define PORTMATRIX_AGENT_LIVE_SETS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "agent/alarms.h"
#include "agent/clock.h"
#include "agent/datapath/datapath.h"
#include "agent/live_set_files.h"

namespace portmatrix {

// What a call did to a set.
struct LiveSetChange {
  size_t added = 0;
  size_t renewed = 0;  // were there, and took the new time
  size_t removed = 0;
  size_t missing = 0;  // should go, and were not there
};

class LiveSets {
 public:
  // All references outlive this.
  LiveSets(const std::string& state_folder, const Clock& clock, Alarms& alarms)
      : files_(state_folder), clock_(clock), alarms_(alarms) {}

  // After an error some of the entries may have been added.
  Result<LiveSetChange> Add(const std::string& set, const std::vector<Prefix>& prefixes,
                            const LiveEntry& entry, Datapath& datapath);
  Result<LiveSetChange> Erase(const std::string& set, const std::vector<Prefix>& prefixes,
                              Datapath& datapath);

  // Gives a set that the kernel has just made what it held before a boot.
  Result<void> Restore(const std::string& set, Datapath& datapath);
  // Sets that are not among `named` go, on the disk first: killed in between, the kernel's go next
  // time.
  Result<void> Forget(const std::set<std::string>& named, Datapath& datapath);
  // Clears away what is over, some ten thousands at a time.
  void Sweep(Datapath& datapath);
  // The same, and writes down what changed. What fails is an alarm.
  void Tick(Datapath& datapath);
  // Is something to be written down?
  bool is_owed() const { return !unsaved_.empty(); }
  // The kernel's maps went, or another agent's were found.
  void Lose();

 private:
  using Expiring = std::tuple<uint64_t, std::string, Prefix>;  // until, set

  void TakeUp(Datapath& datapath);
  // Puts `entry` under each prefix, or takes away what is there (null).
  Result<LiveSetChange> Change(const std::string& set, const std::vector<Prefix>& prefixes,
                               const LiveEntry* entry, Datapath& datapath);
  Result<void> Save(const std::string& set, const Datapath& datapath) const;

  LiveSetFiles files_;
  const Clock& clock_;
  Alarms& alarms_;
  bool taken_up_ = false;
  std::set<Expiring> expiring_;
  std::set<std::string> unsaved_;
  std::map<std::string, LiveSetChange> untold_;  // for the journal
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_LIVE_SETS_H_
