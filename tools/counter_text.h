// SPDX-License-Identifier: Apache-2.0
// Counters as JSON and as tables.
#ifndef PORTMATRIX_TOOLS_COUNTER_TEXT_H_
#define PORTMATRIX_TOOLS_COUNTER_TEXT_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "agent/datapath/pinned_reader.h"

namespace portmatrix {

// {"node", "generation", "time", "rules", "reasons", "interfaces", "devices", "faults"}: every rule
// and every reason, also at zero. Packets of the reasons `rule` and `reply` count under their rule,
// so those two rows stay at zero. A rule with "in_force": false is of a generation that a change
// may fall back to. For each interface and direction: packets = what its rules are credited with
// (`packets` of rules of that direction, `reply_packets` of the others) + its reasons +
// `retired_packets`.
nlohmann::ordered_json CountersJson(const CounterSnapshot& counters);

// Rules and interfaces in full, reasons and devices where they are not zero.
std::string CountersTable(const CounterSnapshot& counters);

// Nanoseconds since 1970 as RFC 3339 in UTC, with microseconds.
std::string TimeText(int64_t nanoseconds);

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_COUNTER_TEXT_H_
