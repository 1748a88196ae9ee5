// SPDX-License-Identifier: Apache-2.0
// What Prometheus is told: counters as any reader may see them, and how the agent itself is.
#ifndef PORTMATRIX_AGENT_METRICS_H_
#define PORTMATRIX_AGENT_METRICS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "agent/datapath/pinned_reader.h"

namespace portmatrix {

struct AgentGauges {
  std::optional<uint64_t> generation;  // that judges; absent: nothing is in force
  bool on_trial = false;
  std::set<std::string> alarms;        // subjects
  std::optional<int64_t> last_change;  // nanoseconds since 1970
  std::set<std::string> protected_devices;
  std::set<std::string> unprotected_devices;
  std::map<std::string, uint64_t> unprotected_milliseconds;  // by device, since the agent started
};

// The text of GET /metrics. `snapshot` may be null, where nothing can be read.
std::string MetricsText(const AgentGauges& gauges, const CounterSnapshot* snapshot);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_METRICS_H_
