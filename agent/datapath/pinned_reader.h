// SPDX-License-Identifier: Apache-2.0
// What any reader may know from the pins alone, without an agent and without privilege beyond the
// group `portmatrix`: which generation judges, what is attached, and every counter. Opens each map
// read-only.
#ifndef PORTMATRIX_AGENT_DATAPATH_PINNED_READER_H_
#define PORTMATRIX_AGENT_DATAPATH_PINNED_READER_H_

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/datapath/datapath.h"
#include "agent/datapath/result.h"
#include "maps/layout.h"
#include "maps/numbering.h"

namespace portmatrix {

struct RuleCount {
  RuleIdentity rule;
  std::string interface;
  // Part of the judging generation. Rules that only another retained generation names (what a
  // change may fall back to) still hold their counts, and the sum over an interface needs them.
  bool in_force = true;
  pm_rule_counter total{};          // over all processors; last_hit is the latest
  std::optional<int64_t> last_hit;  // nanoseconds since 1970
};

struct ReasonCount {
  std::string owner;  // interface or device
  bool is_device = false;
  Direction direction = Direction::kIn;
  pm_reason reason = PM_REASON_INTERNAL;
  pm_reason_counter total{};
};

struct SeenCount {
  std::string owner;
  bool is_device = false;
  Direction direction = Direction::kIn;
  pm_seen_counter total{};
  pm_seen_counter retired{};
};

struct CounterSnapshot {
  pm_generation generation{};        // the judging one
  int64_t time = 0;                  // nanoseconds since 1970
  uint64_t monotonic = 0;            // nanoseconds of CLOCK_MONOTONIC
  std::vector<RuleCount> rules;      // in force in the policy's order, then the others
  std::vector<ReasonCount> reasons;  // every reason of every owner and direction
  std::vector<SeenCount> seen;
  std::map<std::string, uint64_t> faults;  // by the word of layout.h's list
};

class PinnedReader {
 public:
  // Fails with ENOENT if nothing is pinned under `pin_root`, EACCES if it may not be read.
  static Result<std::unique_ptr<PinnedReader>> Open(const std::string& pin_root);
  virtual ~PinnedReader() = default;

  virtual Result<uint64_t> ReadControl() = 0;
  virtual Result<pm_generation> ReadGeneration(uint32_t slot) = 0;
  virtual Result<std::vector<pm_attachment>> ReadAttachments() = 0;  // those with an ifindex
  virtual Result<pm_identity> ReadIdentity() = 0;
  // Interfaces and devices that any retained generation names. Follows the pins, where they lead to
  // other maps than they did when it was opened.
  virtual Result<CounterSnapshot> ReadCounters() = 0;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_DATAPATH_PINNED_READER_H_
