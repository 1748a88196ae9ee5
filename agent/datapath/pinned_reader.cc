// SPDX-License-Identifier: Apache-2.0
#include "agent/datapath/pinned_reader.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <iterator>
#include <span>
#include <tuple>

#include "agent/datapath/bpf_map.h"
#include "agent/datapath/fixed_text.h"
#include "agent/datapath/pins.h"

namespace portmatrix {
namespace {

constexpr const char* kFaultWords[PM_FAULT_COUNT] = {
#define X(identifier, word) word,
    PM_FAULTS(X)
#undef X
};

uint64_t ClockNow(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000000000u + static_cast<uint64_t>(now.tv_nsec);
}

pm_seen_counter Sum(std::span<const pm_seen_counter> values) {
  pm_seen_counter sum{};
  for (const pm_seen_counter& value : values) {
    sum.packets += value.packets;
    sum.bytes += value.bytes;
  }
  return sum;
}

pm_reason_counter Sum(std::span<const pm_reason_counter> values) {
  pm_reason_counter sum{};
  for (const pm_reason_counter& value : values) {
    sum.dropped_packets += value.dropped_packets;
    sum.dropped_bytes += value.dropped_bytes;
    sum.audited_packets += value.audited_packets;
    sum.audited_bytes += value.audited_bytes;
    sum.passed_packets += value.passed_packets;
    sum.passed_bytes += value.passed_bytes;
  }
  return sum;
}

pm_rule_counter Sum(std::span<const pm_rule_counter> values) {
  pm_rule_counter sum{};
  for (const pm_rule_counter& value : values) {
    sum.packets += value.packets;
    sum.bytes += value.bytes;
    sum.reply_packets += value.reply_packets;
    sum.reply_bytes += value.reply_bytes;
    sum.last_hit = std::max(sum.last_hit, value.last_hit);
  }
  return sum;
}

class Reader final : public PinnedReader {
 public:
  explicit Reader(const std::string& pin_root) : pins_(pin_root) {}

  Result<void> OpenMaps() {
    for (const char* name :
         {"control", "rule_counters", "reason_counters", "seen_counters", "faults", "retired",
          "retirements", "names", "owners", "generations", "attachments", "identity"}) {
      auto map = BpfMap::OpenPinned(name, pins_.Map(name), true);
      if (!map) return map.error();
      maps_.emplace(name, std::move(*map));
    }
    return {};
  }

  Result<uint64_t> ReadControl() override {
    auto word = maps_.at("control").Lookup<uint32_t, uint64_t>(0);
    if (!word) return word.error();
    return word->value_or(0);
  }

  Result<pm_generation> ReadGeneration(uint32_t slot) override {
    auto record = maps_.at("generations").Lookup<uint32_t, pm_generation>(slot);
    if (!record) return record.error();
    return record->value_or(pm_generation{});
  }

  Result<std::vector<pm_attachment>> ReadAttachments() override {
    auto attachments = maps_.at("attachments").ReadArray<pm_attachment>(PM_MAX_DEVICES);
    if (!attachments) return attachments.error();
    std::erase_if(*attachments, [](const pm_attachment& each) { return each.ifindex == 0; });
    return attachments;
  }

  Result<pm_identity> ReadIdentity() override {
    auto identity = maps_.at("identity").Lookup<uint32_t, pm_identity>(0);
    if (!identity) return identity.error();
    return identity->value_or(pm_identity{});
  }

  Result<CounterSnapshot> ReadCounters() override {
    if (!IsCurrent()) {
      maps_.clear();
      rules_.reset();
      if (auto opened = OpenMaps(); !opened) return opened.error();
    }
    // Begun anew if a change or a retirement came in between: then every packet that was counted
    // before stands in the snapshot once (maps/layout.h, `retirements`).
    constexpr int kAttempts = 100;
    for (int i = 0; i < kAttempts; ++i) {
      auto before = Now();
      if (!before) return before.error();
      auto snapshot = ReadCounters(*before);
      if (!snapshot) return snapshot.error();
      auto after = Now();
      if (!after) return after.error();
      if (*before == *after) return snapshot;
    }
    return Error{"read", "the counters", EAGAIN, "what is in force changes all the time"};
  }

 private:
  struct Moment {
    uint64_t control = 0;
    uint64_t retirements = 0;
    bool operator==(const Moment&) const = default;
  };

  // After `portmatrix detach` the pins lead nowhere, or to the maps of what was applied since.
  bool IsCurrent() const {
    const auto ours = maps_.find("control");
    if (ours == maps_.end()) return false;
    const auto pinned = BpfMap::OpenPinned("control", pins_.Map("control"), true);
    return pinned && pinned->id() == ours->second.id();
  }

  Result<Moment> Now() {
    auto control = ReadControl();
    if (!control) return control.error();
    auto retirements = maps_.at("retirements").Lookup<uint32_t, uint64_t>(0);
    if (!retirements) return retirements.error();
    return Moment{*control, retirements->value_or(0)};
  }

  Result<CounterSnapshot> ReadCounters(const Moment& moment) {
    CounterSnapshot snapshot;
    const uint32_t slot = PM_CONTROL_JUDGING(moment.control);
    auto generation = ReadGeneration(slot);
    if (!generation) return generation.error();
    snapshot.generation = *generation;
    snapshot.time = static_cast<int64_t>(ClockNow(CLOCK_REALTIME));
    snapshot.monotonic = ClockNow(CLOCK_MONOTONIC);
    // What packets were counted for, then what was seen: a packet on its way meanwhile never makes
    // the parts more than the sum.
    if (auto read = ReadRules(moment, &snapshot); !read) return read.error();
    if (auto read = ReadOwners(slot, moment.retirements, &snapshot); !read) return read.error();
    auto faults = maps_.at("faults").ReadPerCpu<uint64_t>(PM_FAULT_COUNT);
    if (!faults) return faults.error();
    for (uint32_t fault = 0; fault < PM_FAULT_COUNT; ++fault)
      for (const uint64_t count : (*faults)[fault]) snapshot.faults[kFaultWords[fault]] += count;
    return snapshot;
  }

  struct Owner {
    uint32_t number;
    uint32_t position;
    std::string name;
  };

  // In the policy's order, interfaces before devices.
  Result<std::vector<Owner>> Owners(uint32_t slot) const {
    std::vector<Owner> owners;
    auto names = maps_.at("owners").ReadArray<pm_owner_name>(PM_OWNERS);
    if (!names) return names.error();
    for (uint32_t number = 0; number < PM_OWNERS; ++number) {
      const pm_owner_name& owner = (*names)[number];
      const auto& positions = owner.position;
      if (std::all_of(std::begin(positions), std::end(positions),
                      [](uint32_t at) { return at == 0; }))
        continue;
      // Those that the judging generation does not have come last.
      owners.push_back(
          {number, positions[slot] == 0 ? UINT32_MAX : positions[slot], TextOf(owner.name)});
    }
    std::sort(owners.begin(), owners.end(), [](const Owner& a, const Owner& b) {
      return std::pair(a.number >= PM_MAX_INTERFACES, a.position) <
             std::pair(b.number >= PM_MAX_INTERFACES, b.position);
    });
    return owners;
  }

  Result<void> ReadOwners(uint32_t slot, uint64_t retirements, CounterSnapshot* snapshot) const {
    auto owners = Owners(slot);
    if (!owners) return owners.error();
    auto reasons = maps_.at("reason_counters")
                       .ReadPerCpu<pm_reason_counter>(PM_OWNERS * PM_DIRECTIONS * PM_REASON_COUNT);
    if (!reasons) return reasons.error();
    auto seen = maps_.at("seen_counters").ReadPerCpu<pm_seen_counter>(PM_OWNERS * PM_DIRECTIONS);
    if (!seen) return seen.error();
    auto retired = maps_.at("retired").ReadArray<pm_seen_counter>(PM_RETIRED_BANKS * PM_OWNERS *
                                                                  PM_DIRECTIONS);
    if (!retired) return retired.error();
    for (const Owner& owner : *owners) {
      for (uint32_t direction = 0; direction < PM_DIRECTIONS; ++direction) {
        const uint32_t index = owner.number * PM_DIRECTIONS + direction;
        const bool is_device = owner.number >= PM_MAX_INTERFACES;
        snapshot->seen.push_back(
            {owner.name, is_device, static_cast<Direction>(direction), Sum((*seen)[index]),
             (*retired)[PM_RETIRED_INDEX(retirements, owner.number, direction)]});
        for (uint32_t reason = 0; reason < PM_REASON_COUNT; ++reason)
          snapshot->reasons.push_back({owner.name, is_device, static_cast<Direction>(direction),
                                       static_cast<pm_reason>(reason),
                                       Sum((*reasons)[index * PM_REASON_COUNT + reason])});
      }
    }
    return {};
  }

  // Which rule counts where, in the order of a snapshot. `names` changes only around a change of
  // the control word or a retirement, so that most readings find what the one before found.
  struct RuleList {
    Moment of;
    std::vector<RuleCount> rules;  // without counts
    std::vector<uint32_t> slots;
    uint32_t slots_in_use = 0;
  };

  Result<RuleList> ListRules(const Moment& moment) const {
    const uint32_t slot = PM_CONTROL_JUDGING(moment.control);
    auto names = maps_.at("names").ReadAll<uint32_t, pm_rule_name>();
    if (!names) return names.error();
    // Those not in force come last; then position, counter slot.
    std::vector<std::pair<std::tuple<bool, uint32_t, uint32_t>, const pm_rule_name*>> ordered;
    ordered.reserve(names->size());
    RuleList list;
    list.of = moment;
    for (const auto& [counter, name] : *names) {
      if (name.retired_at != 0 && name.retired_at <= moment.retirements) continue;
      const uint32_t position = name.position[slot];
      ordered.emplace_back(std::tuple(position == 0, position, counter), &name);
      list.slots_in_use = std::max(list.slots_in_use, counter + 1);
    }
    std::sort(ordered.begin(), ordered.end());
    list.rules.reserve(ordered.size());
    list.slots.reserve(ordered.size());
    for (const auto& [order, name] : ordered) {
      RuleCount rule;
      rule.rule = {TextOf(name->key), static_cast<Direction>(name->direction)};
      rule.in_force = !std::get<0>(order);
      rule.interface = rule.rule.key.substr(0, rule.rule.key.find('/'));
      list.rules.push_back(std::move(rule));
      list.slots.push_back(std::get<2>(order));
    }
    return list;
  }

  Result<void> ReadRules(const Moment& moment, CounterSnapshot* snapshot) {
    if (!rules_ || rules_->of != moment) {
      auto list = ListRules(moment);
      if (!list) return list.error();
      rules_ = std::move(*list);
    }
    auto counters = maps_.at("rule_counters").ReadPerCpu<pm_rule_counter>(rules_->slots_in_use);
    if (!counters) return counters.error();
    snapshot->rules = rules_->rules;
    for (size_t i = 0; i < snapshot->rules.size(); ++i) {
      RuleCount& count = snapshot->rules[i];
      count.total = Sum((*counters)[rules_->slots[i]]);
      if (count.total.last_hit != 0)
        count.last_hit =
            snapshot->time - static_cast<int64_t>(snapshot->monotonic - count.total.last_hit);
    }
    return {};
  }

  const Pins pins_;
  std::optional<RuleList> rules_;
  std::map<std::string, BpfMap> maps_;
};

}  // namespace

Result<std::unique_ptr<PinnedReader>> PinnedReader::Open(const std::string& pin_root) {
  auto reader = std::make_unique<Reader>(pin_root);
  if (auto opened = reader->OpenMaps(); !opened) return opened.error();
  return std::unique_ptr<PinnedReader>(std::move(reader));
}

}  // namespace portmatrix
