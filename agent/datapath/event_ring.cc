// SPDX-License-Identifier: Apache-2.0
#include "agent/datapath/event_ring.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "agent/datapath/fixed_text.h"
#include "agent/datapath/pins.h"

namespace portmatrix {
namespace {

// In one turn; the rest of the daemon has its turn as well.
constexpr size_t kMostTaken = 4096;

Result<uint32_t> EntriesOf(const BpfMap& map) {
  bpf_map_info described{};
  uint32_t size = sizeof described;
  if (bpf_obj_get_info_by_fd(map.fd(), &described, &size) != 0)
    return map.Failure("describe", errno);
  return described.max_entries;
}

Result<EventTotals> Sum(const BpfMap& totals) {
  auto values = totals.ReadPerCpu<pm_event_totals>(1);
  if (!values) return values.error();
  EventTotals sum;
  for (const pm_event_totals& each : (*values)[0]) {
    sum.emitted += each.emitted;
    sum.suppressed += each.suppressed;
    sum.lost += each.lost;
  }
  return sum;
}

Result<BpfMap> OpenMap(const std::string& pin_root, const char* name, bool read_only) {
  return BpfMap::OpenPinned(name, Pins(pin_root).Map(name), read_only);
}

}  // namespace

Result<std::unique_ptr<EventRing>> EventRing::Open(const std::string& pin_root) {
  auto ring = OpenMap(pin_root, "events", false);
  if (!ring) return ring.error();
  auto settings = OpenMap(pin_root, "event_settings", false);
  if (!settings) return settings.error();
  auto totals = OpenMap(pin_root, "event_totals", true);
  if (!totals) return totals.error();
  auto suppressed = OpenMap(pin_root, "suppressed_events", true);
  if (!suppressed) return suppressed.error();
  auto made =
      Over(std::move(*ring), std::move(*settings), std::move(*totals), std::move(*suppressed));
  if (made) (*made)->pin_root_ = pin_root;
  return made;
}

Result<std::unique_ptr<EventRing>> EventRing::Over(BpfMap ring, BpfMap settings, BpfMap totals,
                                                   BpfMap suppressed) {
  std::unique_ptr<EventRing> made(new EventRing);
  made->ring_ = std::move(ring);
  made->settings_ = std::move(settings);
  made->totals_ = std::move(totals);
  made->suppressed_ = std::move(suppressed);
  made->reader_ = ring_buffer__new(made->ring_.fd(), &Collect, made.get(), nullptr);
  if (made->reader_ == nullptr) return made->ring_.Failure("read from", errno);
  return made;
}

EventRing::~EventRing() { ring_buffer__free(reader_); }

Result<void> EventRing::Listen(uint64_t until_nanoseconds, uint32_t budget) {
  pm_event_settings settings{};
  settings.until = until_nanoseconds;
  settings.budget = std::min<uint32_t>(budget, PM_MOST_EVENT_BUDGET);
  return settings_.Update(uint32_t{0}, settings);
}

// A negative answer ends the reading after this one (libbpf, src/ringbuf.c).
int EventRing::Collect(void* self, void* bytes, size_t size) {
  auto& taken = static_cast<EventRing*>(self)->taken_;
  pm_event event{};
  if (size < sizeof event) return 0;
  std::memcpy(&event, bytes, sizeof event);
  taken.push_back(event);
  return taken.size() >= kMostTaken ? -ECANCELED : 0;
}

Result<std::vector<pm_event>> EventRing::Take() {
  taken_.clear();
  const int got = ring_buffer__consume(reader_);
  if (got < 0 && got != -ECANCELED) return ring_.Failure("read from", -got);
  return std::exchange(taken_, {});
}

Result<EventTotals> EventRing::Totals() { return Sum(totals_); }

Result<std::vector<uint64_t>> EventRing::Suppressed(const EventNames& names) {
  auto entries = EntriesOf(suppressed_);
  if (!entries) return entries.error();
  uint32_t count = PM_EVENT_SOURCES_OF_REASONS;
  for (const auto& [slot, rule] : names.rules)
    count = std::max<uint32_t>(count, PM_EVENT_SOURCES_OF_REASONS + slot + 1);
  if (pin_root_.empty()) count = *entries;
  auto values = suppressed_.ReadPerCpu<uint64_t>(std::min(count, *entries));
  if (!values) return values.error();
  std::vector<uint64_t> sums;
  sums.reserve(values->size());
  for (size_t source = 0; source < values->size(); ++source) {
    uint64_t sum = 0;
    for (const uint64_t packets : (*values)[source]) sum += packets;
    sums.push_back(sum);
  }
  return sums;
}

Result<EventNames> EventRing::Names() {
  EventNames names;
  if (pin_root_.empty()) return names;
  auto rules = OpenMap(pin_root_, "names", true);
  if (!rules) return rules.error();
  auto all = rules->ReadAll<uint32_t, pm_rule_name>();
  if (!all) return all.error();
  for (const auto& [slot, name] : *all)
    names.rules[slot] = {TextOf(name.key), static_cast<Direction>(name.direction)};
  auto owners = OpenMap(pin_root_, "owners", true);
  if (!owners) return owners.error();
  auto named = owners->ReadArray<pm_owner_name>(PM_OWNERS);
  if (!named) return named.error();
  for (uint32_t i = 0; i < PM_OWNERS; ++i) names.owners[i] = TextOf((*named)[i].name);
  auto control = OpenMap(pin_root_, "control", true);
  if (!control) return control.error();
  auto word = control->Lookup<uint32_t, uint64_t>(0);
  if (!word) return word.error();
  auto generations = OpenMap(pin_root_, "generations", true);
  if (!generations) return generations.error();
  auto record = generations->Lookup<uint32_t, pm_generation>(PM_CONTROL_JUDGING(word->value_or(0)));
  if (!record) return record.error();
  names.node = TextOf(record->value_or(pm_generation{}).node);
  return names;
}

bool EventRing::IsCurrent() {
  if (pin_root_.empty()) return true;
  auto pinned = OpenMap(pin_root_, "event_settings", true);
  return pinned && pinned->id() == settings_.id();
}

Result<EventTotals> ReadEventTotals(const std::string& pin_root) {
  auto totals = OpenMap(pin_root, "event_totals", true);
  if (!totals) return totals.error();
  return Sum(*totals);
}

}  // namespace portmatrix
