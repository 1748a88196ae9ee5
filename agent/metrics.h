// SPDX-License-Identifier: Apache-2.0
// What Prometheus is told: counters as any reader may see them, and how the agent itself is.
#ifndef PORTMATRIX_AGENT_METRICS_H_
#define PORTMATRIX_AGENT_METRICS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/datapath/event_source.h"
#include "agent/datapath/pinned_reader.h"

namespace portmatrix {

struct AgentGauges {
  struct Change {
    int64_t at = 0;  // nanoseconds since 1970
    bool succeeded = false;
  };

  std::optional<uint64_t> generation;  // that judges; absent: nothing is in force
  bool on_trial = false;
  std::set<std::string> alarms;      // that stand, by subject
  std::optional<int64_t> installed;  // the judging generation, nanoseconds since 1970
  std::optional<Change> last_change;
  std::set<std::string> protected_devices;
  std::set<std::string> unprotected_devices;
  std::vector<Attachment> attachments;
  std::map<std::string, uint64_t> unprotected_milliseconds;  // by device, since the agent started
  uint64_t flow_entries = 0;
  uint64_t flow_limit = 0;  // zero: the table could not be read
  std::optional<EventTotals> events;
};

// The text of GET /metrics. `snapshot` may be null, where nothing can be read.
std::string MetricsText(const AgentGauges& gauges, const CounterSnapshot* snapshot);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_METRICS_H_
