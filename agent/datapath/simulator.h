// SPDX-License-Identifier: Apache-2.0
// The real program in the kernel, judging packets that are handed to it one by one
// (BPF_PROG_TEST_RUN): loaded a second time with maps of its own, so that nothing live is touched.
// It takes time from the caller and asks no sockets.
#ifndef PORTMATRIX_AGENT_DATAPATH_SIMULATOR_H_
#define PORTMATRIX_AGENT_DATAPATH_SIMULATOR_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "agent/datapath/bpf_map.h"
#include "agent/datapath/device_numbers.h"
#include "agent/datapath/event_source.h"
#include "agent/datapath/filter_object.h"
#include "agent/datapath/live_set_maps.h"
#include "agent/datapath/result.h"
#include "agent/datapath/shared_value.h"
#include "maps/image.h"
#include "maps/numbering.h"

namespace portmatrix {

// What travels beside a frame's bytes. Zeros: a plain frame.
struct Carriage {
  // Send: a segmented super-packet (GSO), whose lengths are those of the buffer, with so many bytes
  // of payload a segment.
  uint32_t segment_bytes = 0;
  uint32_t segments = 0;    // Send: wire packets; zero where nobody counted yet.
  uint32_t wire_bytes = 0;  // Send: of all wire packets; zero: those of the frame.
  // Receive: so many bytes of the frame in its first buffer, the rest in others; at least the
  // Ethernet header. Since Linux 6.18 (net/bpf/test_run.c); an error before. Zero: what a page
  // holds.
  uint32_t first_buffer_bytes = 0;
};

class Simulator {
 public:
  static Result<std::unique_ptr<Simulator>> Load(const DatapathSizes& sizes);

  // `image` judges from now on. Conversations, fragments and counters stay.
  Result<void> Change(const Image& image);

  // Runs `frame` through the hook of `direction` on the device with this number, at `time` in
  // nanoseconds. Nothing: the kernel does not test-run such a frame, because it is shorter than its
  // Ethernet header or, on send, than the IP header it announces.
  Result<std::optional<pm_report>> Run(Direction direction, uint32_t device,
                                       std::span<const uint8_t> frame, uint64_t time,
                                       const Carriage& carriage = {});
  // The kernel test-runs at most a page on the send hook.
  static constexpr size_t kLargestSentBytes = 3584;
  static constexpr size_t kLargestReceivedBytes =
      66000;  // in several buffers; more than the largest datagram takes

  // What the live set with this number holds; it is made when it is first asked for.
  Result<LiveSetMaps*> LiveSet(uint32_t number);
  // Adds entries that never end, by set number.
  Result<void> FillLiveSets(const std::map<uint32_t, std::vector<Prefix>>& content);

  // Puts an entry into the table of conversations, or reads it.
  Result<void> PutFlow(const pm_tuple& opening, const pm_flow& flow);
  Result<std::optional<pm_flow>> FindFlow(const pm_tuple& opening) const;

  // Sums over all processors.
  Result<std::vector<pm_rule_counter>> RuleCounters(uint32_t count) const;
  Result<std::vector<pm_reason_counter>> ReasonCounters()
      const;  // PM_OWNERS * PM_DIRECTIONS * PM_REASON_COUNT
  Result<std::vector<pm_seen_counter>> SeenCounters() const;  // PM_OWNERS * PM_DIRECTIONS
  Result<std::vector<uint64_t>> Faults() const;               // PM_FAULT_COUNT

  // What the program tells of packets: nothing before Listen. Time is the caller's.
  Result<std::unique_ptr<EventSource>> Events() const;

  const FilterObject& object() const { return *object_; }

 private:
  explicit Simulator(std::unique_ptr<FilterObject> object) : object_(std::move(object)) {}

  std::unique_ptr<FilterObject> object_;
  std::map<uint32_t, LiveSetMaps> live_sets_;
  SharedValue<uint64_t> control_;
  SharedValue<uint64_t> clock_;
  SharedValue<pm_report> report_;
  DeviceNumbers numbers_;
  uint32_t slot_ = 0;
  uint32_t device_ = UINT32_MAX;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_DATAPATH_SIMULATOR_H_
