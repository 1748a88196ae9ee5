// SPDX-License-Identifier: Apache-2.0
// The pinned table of conversations, as a reader sees it. Needs root; reading refreshes no entry.
#ifndef PORTMATRIX_AGENT_DATAPATH_FLOW_TABLE_H_
#define PORTMATRIX_AGENT_DATAPATH_FLOW_TABLE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/datapath/bpf_map.h"
#include "agent/datapath/result.h"
#include "maps/layout.h"

namespace portmatrix {

struct Conversation {
  pm_tuple opening{};  // as the `out` packet that opened it carried it
  pm_flow flow{};

  // How many nanoseconds its state lasts, and of CLOCK_MONOTONIC from which on it counts no more:
  // bpf/README.md, "Conversations".
  uint64_t timeout() const;
  uint64_t expiry() const;
  bool IsLive(uint64_t now) const { return now < expiry(); }

 private:
  bool HasBothFins() const;
};

class FlowTable {
 public:
  static Result<FlowTable> Open(const std::string& pin_root);

  uint32_t capacity() const { return capacity_; }
  Result<std::optional<pm_flow>> Find(const pm_tuple& opening) const;
  // Every entry, expired ones included; one that comes or goes meanwhile may be missing.
  Result<std::vector<Conversation>> ReadAll() const;
  Result<uint64_t> Count() const;

 private:
  Result<void> ForEach(const std::function<void(const pm_tuple&, const pm_flow&)>& visit) const;
  FlowTable(BpfMap map, uint32_t capacity) : map_(std::move(map)), capacity_(capacity) {}
  BpfMap map_;
  uint32_t capacity_;
};

// Nanoseconds of CLOCK_MONOTONIC: the program's clock.
uint64_t ProgramClock();

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_DATAPATH_FLOW_TABLE_H_
