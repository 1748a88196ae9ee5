// SPDX-License-Identifier: Apache-2.0
// Counters as JSON: what `portmatrix counters --json` prints and the API's streams carry. Written
// straight to text, for a policy of ten thousand rules is printed every second.
#ifndef PORTMATRIX_AGENT_COUNTER_JSON_H_
#define PORTMATRIX_AGENT_COUNTER_JSON_H_

#include <cstdint>
#include <map>
#include <string>

#include "agent/datapath/pinned_reader.h"

namespace portmatrix {

// One line without its end: {"node", "generation", "time", "monotonic_ns", "rules", "reasons",
// "interfaces", "devices", "device_reasons", "faults"}: every rule and every reason, also at zero.
// Packets of the reasons `rule` and `reply` count under their rule, so those two rows stay at zero.
// A rule with "in_force": false is of a generation that a change may fall back to. For each
// interface and direction: packets = what its rules are credited with (`packets` of rules of that
// direction, `reply_packets` of the others) + its reasons + `retired_packets`.
std::string CountersJson(const CounterSnapshot& counters);

// The same with "interval_ns" since `before` and, beside each total but the retired, its increase
// as "delta_...". Without `before` (the first line of a stream) all of these are zero.
std::string CountersJson(const CounterSnapshot& counters, const CounterSnapshot* before);

// What a rule gained since `before`. One that was not there then, or whose slot began anew, gained
// all that it has.
class RuleIncreases {
 public:
  // `before` may be null; it outlives this.
  explicit RuleIncreases(const CounterSnapshot* before);
  pm_rule_counter Of(const RuleCount& rule);

 private:
  const CounterSnapshot* before_;
  size_t next_ = 0;  // the rule that follows the last one asked, most often the next one asked
  std::map<RuleIdentity, const RuleCount*> by_identity_;  // filled once the orders differ
};

// Nanoseconds since 1970 as RFC 3339 in UTC, with microseconds.
std::string TimeText(int64_t nanoseconds);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_COUNTER_JSON_H_
