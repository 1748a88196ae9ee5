// SPDX-License-Identifier: Apache-2.0
// What the kernel tells of single packets (maps/layout.h, "Events"), to the one who listens. The
// body in the kernel is event_ring.h; tests have one in memory.
#ifndef PORTMATRIX_AGENT_DATAPATH_EVENT_SOURCE_H_
#define PORTMATRIX_AGENT_DATAPATH_EVENT_SOURCE_H_

#include <array>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/datapath/result.h"
#include "maps/event_layout.h"
#include "maps/numbering.h"

namespace portmatrix {

// Packets since the maps were made.
struct EventTotals {
  uint64_t emitted = 0;
  uint64_t suppressed = 0;  // their source had no budget left
  uint64_t lost = 0;        // the ring had no room
};

// What the numbers in an event mean.
struct EventNames {
  std::string node;
  std::unordered_map<uint32_t, RuleIdentity> rules;  // by counter slot
  std::array<std::string, PM_OWNERS> owners;         // empty: not given out
};

class EventSource {
 public:
  virtual ~EventSource() = default;

  // Packets are told of until that moment of CLOCK_MONOTONIC, at most `budget` events a second of
  // one rule, or of one reason of an interface and direction. In the past: not at all.
  virtual Result<void> Listen(uint64_t until_nanoseconds, uint32_t budget) = 0;
  // Takes what waits, the oldest first, at most a bounded number at a time.
  virtual Result<std::vector<pm_event>> Take() = 0;
  virtual Result<EventTotals> Totals() = 0;
  // Packets suppressed, by source (PM_EVENT_SOURCES_OF_REASONS, then rules by slot); sources at the
  // end that no rule of `names` has may be left out.
  virtual Result<std::vector<uint64_t>> Suppressed(const EventNames& names) = 0;
  virtual Result<EventNames> Names() = 0;
  // False: what is in force now stands in other maps.
  virtual bool IsCurrent() = 0;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_DATAPATH_EVENT_SOURCE_H_
