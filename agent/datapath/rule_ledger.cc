// SPDX-License-Identifier: Apache-2.0
#include "agent/datapath/rule_ledger.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "maps/rule_slots.h"

namespace portmatrix {
namespace {

RuleIdentity IdentityOf(const pm_rule_name& name) {
  return {std::string(name.key, strnlen(name.key, sizeof name.key)),
          static_cast<Direction>(name.direction)};
}

using NameList = std::vector<std::pair<uint32_t, pm_rule_name>>;

// Ends the retirements that were cut off: what never came to its instant is taken back, the rest
// cleared, and out of the list.
template <typename ClearSlot>
Result<void> FinishAll(uint64_t retirements, const RuleMaps& maps, NameList* names,
                       ClearSlot clear) {
  for (auto& [slot, name] : *names) {
    if (name.retired_at == 0) continue;
    if (name.retired_at > retirements) {
      name.retired_at = 0;
      if (auto kept = maps.names.Update(slot, name); !kept) return kept;
    } else if (auto cleared = clear(slot); !cleared) {
      return cleared;
    }
  }
  std::erase_if(*names, [](const auto& entry) { return entry.second.retired_at != 0; });
  return {};
}

constexpr uint32_t kSums = PM_OWNERS * PM_DIRECTIONS;  // of one bank

}  // namespace

Result<RuleLedger::Names> RuleLedger::ReadNames() const {
  auto entries = maps_.names.ReadAll<uint32_t, pm_rule_name>();
  if (!entries) return entries.error();
  return Names(entries->begin(), entries->end());
}

Result<uint64_t> RuleLedger::Retirements() const {
  auto number = maps_.retirements.Lookup<uint32_t, uint64_t>(0);
  if (!number) return number.error();
  return number->value_or(0);
}

Result<std::map<RuleIdentity, uint32_t>> RuleLedger::Slots() const {
  auto names = maps_.names.ReadAll<uint32_t, pm_rule_name>();
  if (!names) return names.error();
  std::vector<std::pair<RuleIdentity, uint32_t>> slots;
  slots.reserve(names->size());
  for (const auto& [slot, name] : *names) slots.emplace_back(IdentityOf(name), slot);
  // In order: then each finds its place in the map at once.
  std::ranges::sort(slots);
  return std::map<RuleIdentity, uint32_t>(std::make_move_iterator(slots.begin()),
                                          std::make_move_iterator(slots.end()));
}

Result<void> RuleLedger::Finish() {
  auto retirements = Retirements();
  if (!retirements) return retirements.error();
  auto names = maps_.names.ReadAll<uint32_t, pm_rule_name>();
  if (!names) return names.error();
  return FinishAll(*retirements, maps_, &*names, [&](uint32_t slot) { return Clear(slot); });
}

Result<void> RuleLedger::Name(uint32_t generation_slot, const std::vector<RuleIdentity>& rules,
                              const Numbering& numbering) {
  auto retirements = Retirements();
  if (!retirements) return retirements.error();
  auto names = maps_.names.ReadAll<uint32_t, pm_rule_name>();
  if (!names) return names.error();
  // A slot must not be given again while it holds counts that `retired` has already.
  if (auto finished =
          FinishAll(*retirements, maps_, &*names, [&](uint32_t slot) { return Clear(slot); });
      !finished)
    return finished;

  std::unordered_map<uint32_t, pm_rule_name*> named;
  named.reserve(names->size());
  for (auto& [slot, name] : *names) named.emplace(slot, &name);
  const RuleSlots slots(numbering.rules);
  Marked changed;
  const auto change = [&](uint32_t slot, const pm_rule_name& name) {
    changed.slots.push_back(slot);
    changed.names.push_back(name);
  };
  std::unordered_set<uint32_t> placed;
  placed.reserve(rules.size());
  for (uint32_t i = 0; i < rules.size(); ++i) {
    const uint32_t slot = slots.Find(rules[i].key, rules[i].direction).value();
    placed.insert(slot);
    const auto found = named.find(slot);
    if (found != named.end() && found->second->position[generation_slot] == i + 1) continue;
    pm_rule_name name{};
    if (found != named.end()) {
      name = *found->second;
    } else {
      rules[i].key.copy(name.key, sizeof name.key - 1);
      const std::string interface = rules[i].key.substr(0, rules[i].key.find('/'));
      name.owner = static_cast<uint16_t>(numbering.interfaces.at(interface));
      name.direction = static_cast<uint8_t>(rules[i].direction);
    }
    name.position[generation_slot] = i + 1;
    change(slot, name);
  }
  for (auto& [slot, name] : *names) {
    if (name.position[generation_slot] == 0 || placed.contains(slot)) continue;
    name.position[generation_slot] = 0;
    change(slot, name);
  }
  return maps_.names.UpdateAll(changed.slots, changed.names);
}

Result<void> RuleLedger::Retire(const std::vector<RuleIdentity>& rules) {
  if (auto finished = Finish(); !finished) return finished;
  auto retirements = Retirements();
  if (!retirements) return retirements.error();
  auto names = ReadNames();
  if (!names) return names.error();
  const std::set<RuleIdentity> wanted(rules.begin(), rules.end());
  const uint64_t next = *retirements + 1;
  Marked marked;
  for (auto& [slot, name] : *names) {
    if (!wanted.contains(IdentityOf(name))) continue;
    name.retired_at = static_cast<uint32_t>(next);
    marked.slots.push_back(slot);
    marked.names.push_back(name);
  }
  if (marked.slots.empty()) return {};
  if (auto done = maps_.names.UpdateAll(marked.slots, marked.names); !done) return done;
  if (auto done = WriteSums(*retirements, marked); !done) return done;
  if (auto instant = maps_.retirements.Update(uint32_t{0}, next); !instant) return instant;
  for (const uint32_t slot : marked.slots)
    if (auto cleared = Clear(slot); !cleared) return cleared;
  return {};
}

Result<void> RuleLedger::WriteSums(uint64_t retirements, const Marked& marked) const {
  std::vector<uint32_t> indices(kSums);
  std::vector<pm_seen_counter> sums(kSums);
  for (uint32_t i = 0; i < kSums; ++i) {
    const uint32_t owner = i / PM_DIRECTIONS, direction = i % PM_DIRECTIONS;
    indices[i] = PM_RETIRED_INDEX(retirements + 1, owner, direction);
    auto sum = maps_.retired.Lookup<uint32_t, pm_seen_counter>(
        PM_RETIRED_INDEX(retirements, owner, direction));
    if (!sum) return sum.error();
    sums[i] = sum->value_or(pm_seen_counter{});
  }
  for (size_t i = 0; i < marked.slots.size(); ++i) {
    auto counted = Sum(marked.slots[i]);
    if (!counted) return counted.error();
    const pm_rule_name& name = marked.names[i];
    pm_seen_counter& forward = sums[name.owner * uint32_t{PM_DIRECTIONS} + name.direction];
    forward.packets += counted->packets;
    forward.bytes += counted->bytes;
    pm_seen_counter& replies = sums[name.owner * uint32_t{PM_DIRECTIONS} + (name.direction ^ 1u)];
    replies.packets += counted->reply_packets;
    replies.bytes += counted->reply_bytes;
  }
  return maps_.retired.UpdateAll(indices, sums);
}

Result<pm_rule_counter> RuleLedger::Sum(uint32_t slot) const {
  std::vector<pm_rule_counter> values(static_cast<size_t>(PossibleProcessors()));
  if (bpf_map_lookup_elem(maps_.counters.fd(), &slot, values.data()) != 0)
    return maps_.counters.Failure("read from", errno);
  pm_rule_counter sum{};
  for (const pm_rule_counter& value : values) {
    sum.packets += value.packets;
    sum.bytes += value.bytes;
    sum.reply_packets += value.reply_packets;
    sum.reply_bytes += value.reply_bytes;
  }
  return sum;
}

// In this order: while the name is there, the mark says that the slot does not count.
Result<void> RuleLedger::Clear(uint32_t slot) const {
  const std::vector<pm_rule_counter> zeros(static_cast<size_t>(PossibleProcessors()));
  if (bpf_map_update_elem(maps_.counters.fd(), &slot, zeros.data(), BPF_ANY) != 0)
    return maps_.counters.Failure("clear a slot of", errno);
  return maps_.names.Delete(slot);
}

}  // namespace portmatrix
