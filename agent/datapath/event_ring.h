// SPDX-License-Identifier: Apache-2.0
// The program's ring buffer of events and what is counted beside it, by their pins. A ring has one
// reader: the agent.
#ifndef PORTMATRIX_AGENT_DATAPATH_EVENT_RING_H_
#define PORTMATRIX_AGENT_DATAPATH_EVENT_RING_H_

#include <memory>
#include <string>
#include <vector>

#include "agent/datapath/bpf_map.h"
#include "agent/datapath/event_source.h"

struct ring_buffer;  // libbpf's

namespace portmatrix {

class EventRing final : public EventSource {
 public:
  static Result<std::unique_ptr<EventRing>> Open(const std::string& pin_root);
  // Over maps that are no pins (of a simulation); it has no names, and is always current.
  static Result<std::unique_ptr<EventRing>> Over(BpfMap ring, BpfMap settings, BpfMap totals,
                                                 BpfMap suppressed);
  ~EventRing() override;

  Result<void> Listen(uint64_t until_nanoseconds, uint32_t budget) override;
  Result<std::vector<pm_event>> Take() override;
  Result<EventTotals> Totals() override;
  Result<std::vector<uint64_t>> Suppressed(const EventNames& names) override;
  Result<EventNames> Names() override;
  bool IsCurrent() override;

 private:
  EventRing() = default;
  static int Collect(void* self, void* bytes, size_t size);

  std::string pin_root_;  // empty: over maps
  BpfMap ring_, settings_, totals_, suppressed_;
  struct ::ring_buffer* reader_ = nullptr;
  std::vector<pm_event> taken_;
};

// The totals alone. ENOENT where nothing is pinned, or where an older program is.
Result<EventTotals> ReadEventTotals(const std::string& pin_root);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_DATAPATH_EVENT_RING_H_
