// SPDX-License-Identifier: Apache-2.0
#include "agent/datapath/simulator.h"

#include <bpf/bpf.h>
#include <fcntl.h>

#include <cerrno>
#include <cstring>

#include "agent/datapath/event_ring.h"
#include "agent/datapath/image_maps.h"

namespace portmatrix {
namespace {

// Test runs happen on the loopback device of the caller's namespace, which always has this index
// (net/core/dev.c).
constexpr uint32_t kTestRunIfindex = 1;

constexpr size_t kEthernetBytes = 14;
constexpr size_t kLargestFixedHeader = 40;  // IPv6's

// The object keeps the descriptor; a map owns its own.
BpfMap Borrowed(const FilterObject& object, const char* name) {
  return BpfMap(name, FileDescriptor(fcntl(object.map(name), F_DUPFD_CLOEXEC, 0)));
}

template <typename Value>
Result<std::vector<Value>> Sums(const FilterObject& object, const char* name, uint32_t count) {
  const BpfMap map = Borrowed(object, name);
  auto values = map.ReadPerCpu<Value>(count);
  if (!values) return values.error();
  std::vector<Value> sums(count);
  for (uint32_t i = 0; i < count; ++i) {
    auto* sum = reinterpret_cast<uint64_t*>(&sums[i]);
    for (const Value& value : (*values)[i]) {
      const auto* words = reinterpret_cast<const uint64_t*>(&value);
      for (size_t word = 0; word * sizeof(uint64_t) < sizeof(Value); ++word)
        sum[word] += words[word];
    }
  }
  return sums;
}

}  // namespace

Result<std::unique_ptr<Simulator>> Simulator::Load(const DatapathSizes& sizes) {
  auto object = FilterObject::Load(FilterObject::Purpose::kSimulation, sizes,
                                   [](const std::string&) { return -1; });
  if (!object) return object.error();
  std::unique_ptr<Simulator> simulator(new Simulator(std::move(*object)));
  auto control = SharedValue<uint64_t>::Map("control", simulator->object_->map("control"));
  if (!control) return control.error();
  simulator->control_ = std::move(*control);
  auto clock = SharedValue<uint64_t>::Map("given_clock", simulator->object_->map("given_clock"));
  if (!clock) return clock.error();
  simulator->clock_ = std::move(*clock);
  auto report = SharedValue<pm_report>::Map("reports", simulator->object_->map("reports"));
  if (!report) return report.error();
  simulator->report_ = std::move(*report);
  auto numbers = DeviceNumbers::Map(simulator->object_->map("devices"));
  if (!numbers) return numbers.error();
  simulator->numbers_ = std::move(*numbers);
  return simulator;
}

Result<void> Simulator::Change(const Image& image) {
  const uint32_t slot = (slot_ + 1) % PM_SLOTS;
  auto published = PublishImage(image, slot, object_->map("fronts"), object_->map("tables"));
  if (!published) return published;
  *control_.get() = PM_CONTROL(slot, slot_, PM_CONTROL_SETTLED, 0, 0);
  slot_ = slot;
  return {};
}

Result<std::optional<pm_report>> Simulator::Run(Direction direction, uint32_t device,
                                                std::span<const uint8_t> frame, uint64_t time,
                                                const Carriage& carriage) {
  if (frame.size() < kEthernetBytes) return std::optional<pm_report>();
  if (device != device_) {
    if (auto put = numbers_.Put(kTestRunIfindex, device); !put) return put.error();
    device_ = device;
  }
  *clock_.get() = time;
  const uint64_t before = report_.get()->packets;
  LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.data(),
              .data_size_in = static_cast<uint32_t>(frame.size()), .repeat = 1);
  __sk_buff buffer{};
  buffer.gso_size = carriage.segment_bytes;
  buffer.gso_segs = carriage.segments;
  buffer.wire_len = carriage.wire_bytes;
  xdp_md buffers{};
  buffers.data_end = carriage.first_buffer_bytes;
  if (direction == Direction::kOut) {
    options.ctx_in = &buffer;
    options.ctx_size_in = sizeof buffer;
  } else if (carriage.first_buffer_bytes != 0) {
    options.ctx_in = &buffers;
    options.ctx_size_in = sizeof buffers;
  }
  const int program = direction == Direction::kIn ? object_->xdp_program() : object_->tc_program();
  if (bpf_prog_test_run_opts(program, &options) != 0) {
    // bpf_prog_test_run_skb looks at the protocol and wants at least the fixed header
    // (net/bpf/test_run.c).
    if (errno == EINVAL && direction == Direction::kOut &&
        frame.size() < kEthernetBytes + kLargestFixedHeader)
      return std::optional<pm_report>();
    return Error{"test-run", direction == Direction::kIn ? "the XDP program" : "the TC program",
                 errno, ""};
  }
  if (report_.get()->packets != before + 1)
    return Error{"test-run", "the program", 0, "it judged nothing: the device has no number"};
  pm_report report{};
  std::memcpy(&report, const_cast<const pm_report*>(report_.get()), sizeof report);
  return std::optional<pm_report>(report);
}

Result<LiveSetMaps*> Simulator::LiveSet(uint32_t number) {
  constexpr uint32_t kCapacity = 1u << 20;  // no memory is taken before entries come
  auto known = live_sets_.find(number);
  if (known == live_sets_.end()) {
    auto made = LiveSetMaps::Make(kCapacity);
    if (!made) return made.error();
    if (auto published =
            made->Publish(number, object_->map("live_hosts"), object_->map("live_prefixes"));
        !published)
      return published.error();
    known = live_sets_.emplace(number, std::move(*made)).first;
  }
  return &known->second;
}

Result<void> Simulator::FillLiveSets(const std::map<uint32_t, std::vector<Prefix>>& content) {
  for (const auto& [number, prefixes] : content) {
    auto set = LiveSet(number);
    if (!set) return set.error();
    for (const Prefix& prefix : prefixes)
      if (auto put = (*set)->Put(prefix, {}); !put) return put;
  }
  return {};
}

Result<void> Simulator::PutFlow(const pm_tuple& opening, const pm_flow& flow) {
  return Borrowed(*object_, "flows").Update(opening, flow);
}

Result<std::optional<pm_flow>> Simulator::FindFlow(const pm_tuple& opening) const {
  return Borrowed(*object_, "flows").Lookup<pm_tuple, pm_flow>(opening);
}

Result<std::vector<pm_rule_counter>> Simulator::RuleCounters(uint32_t count) const {
  return Sums<pm_rule_counter>(*object_, "rule_counters", count);
}
Result<std::vector<pm_reason_counter>> Simulator::ReasonCounters() const {
  return Sums<pm_reason_counter>(*object_, "reason_counters",
                                 PM_OWNERS * PM_DIRECTIONS * PM_REASON_COUNT);
}
Result<std::vector<pm_seen_counter>> Simulator::SeenCounters() const {
  return Sums<pm_seen_counter>(*object_, "seen_counters", PM_OWNERS * PM_DIRECTIONS);
}
Result<std::unique_ptr<EventSource>> Simulator::Events() const {
  auto ring =
      EventRing::Over(Borrowed(*object_, "events"), Borrowed(*object_, "event_settings"),
                      Borrowed(*object_, "event_totals"), Borrowed(*object_, "suppressed_events"));
  if (!ring) return ring.error();
  return std::unique_ptr<EventSource>(std::move(*ring));
}
Result<std::vector<uint64_t>> Simulator::Faults() const {
  return Sums<uint64_t>(*object_, "faults", PM_FAULT_COUNT);
}

}  // namespace portmatrix
