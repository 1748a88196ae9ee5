// SPDX-License-Identifier: Apache-2.0
#include "agent/datapath/rule_ledger.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "maps/rule_slots.h"

namespace portmatrix {
namespace {

constexpr size_t kFewNewRules = 64;
constexpr uint32_t kSums = PM_OWNERS * PM_DIRECTIONS;  // of one bank

}  // namespace

Result<uint64_t> RuleLedger::Retirements() const {
  auto number = maps_.retirements.Lookup<uint32_t, uint64_t>(0);
  if (!number) return number.error();
  return number->value_or(0);
}

Result<RuleLedger::Known> RuleLedger::ReadKnown() const {
  auto retirements = Retirements();
  if (!retirements) return retirements.error();
  auto names = maps_.names.ReadAll<uint32_t, pm_rule_name>();
  if (!names) return names.error();
  Known known;
  for (auto& [slot, name] : *names) {
    if (name.retired_at > *retirements) {
      name.retired_at = 0;  // its instant never came
      if (auto kept = maps_.names.Update(slot, name); !kept) return kept.error();
    } else if (name.retired_at != 0) {
      if (auto cleared = Clear(slot); !cleared) return cleared.error();
      continue;
    }
    Entry& entry = Enter(std::string_view(name.key, strnlen(name.key, sizeof name.key)),
                         static_cast<Direction>(name.direction), slot, &known);
    entry.owner = name.owner;
    std::ranges::copy(name.position, entry.position.begin());
  }
  return known;
}

Result<RuleLedger::Known*> RuleLedger::Load() {
  if (!known_) {
    auto known = ReadKnown();
    if (!known) return known.error();
    known_ = std::move(*known);
  }
  return &*known_;
}

RuleLedger::Entry& RuleLedger::Enter(std::string_view key, Direction direction, uint32_t slot,
                                     Known* known) {
  known->names.Add(key, direction, slot);
  if (known->entries.size() <= slot) known->entries.resize(slot + 1);
  return known->entries[slot];
}

pm_rule_name RuleLedger::NameOf(const Known& known, uint32_t slot) {
  pm_rule_name name{};
  known.names.key(slot).copy(name.key, sizeof name.key - 1);
  name.owner = known.entries[slot].owner;
  name.direction = static_cast<uint8_t>(known.names.direction(slot));
  std::ranges::copy(known.entries[slot].position, name.position);
  return name;
}

Result<void> RuleLedger::Finish() {
  known_.reset();
  auto known = Load();
  return known ? Result<void>() : known.error();
}

Result<std::map<RuleIdentity, uint32_t>> RuleLedger::Slots() {
  auto known = Load();
  if (!known) return known.error();
  const RuleNames& names = (*known)->names;
  std::vector<uint32_t> order;  // of the map
  order.reserve(names.size());
  for (uint32_t slot = 0; slot < names.end(); ++slot)
    if (names.Has(slot)) order.push_back(slot);
  std::ranges::sort(order, {}, [&names](uint32_t slot) {
    return std::pair(names.key(slot), names.direction(slot));
  });
  std::map<RuleIdentity, uint32_t> slots;
  for (const uint32_t slot : order)
    slots.emplace_hint(slots.end(),
                       RuleIdentity{std::string(names.key(slot)), names.direction(slot)}, slot);
  return slots;
}

Result<std::vector<RuleIdentity>> RuleLedger::RulesBeyond(const IsNamed& is_named) {
  auto known = Load();
  if (!known) return known.error();
  const RuleNames& names = (*known)->names;
  std::vector<RuleIdentity> beyond;
  for (uint32_t slot = 0; slot < names.end(); ++slot)
    if (names.Has(slot) && !is_named(names.key(slot), names.direction(slot)))
      beyond.push_back({std::string(names.key(slot)), names.direction(slot)});
  return beyond;
}

Result<void> RuleLedger::Name(uint32_t generation_slot, const std::vector<RuleIdentity>& rules,
                              const Numbering& numbering) {
  auto known = Load();
  if (!known) return known.error();
  std::vector<Entry>& entries = (*known)->entries;
  RuleNames& names = (*known)->names;
  // Most often most of them have their names already, and few slots are asked for.
  std::optional<RuleSlots> slots;
  size_t asked = 0;
  const auto slot_of = [&](const RuleIdentity& rule) {
    if (!slots && ++asked < kFewNewRules) return numbering.rules.at(rule);
    if (!slots) slots.emplace(numbering.rules);
    return slots->Find(rule.key, rule.direction).value();
  };
  names.Reserve(rules.size());
  Marked changed;
  std::vector<bool> placed(entries.size());
  for (uint32_t i = 0; i < rules.size(); ++i) {
    const auto named = names.Find(rules[i].key, rules[i].direction);
    const uint32_t slot = named ? *named : slot_of(rules[i]);
    if (!named) {
      Entry& entry = Enter(rules[i].key, rules[i].direction, slot, *known);
      const std::string interface = rules[i].key.substr(0, rules[i].key.find('/'));
      entry.owner = static_cast<uint16_t>(numbering.interfaces.at(interface));
    } else if (entries[slot].position[generation_slot] == i + 1) {
      if (slot < placed.size()) placed[slot] = true;
      continue;
    }
    entries[slot].position[generation_slot] = i + 1;
    if (slot < placed.size()) placed[slot] = true;
    changed.slots.push_back(slot);
  }
  for (uint32_t slot = 0; slot < placed.size(); ++slot) {
    if (!names.Has(slot) || placed[slot] || entries[slot].position[generation_slot] == 0) continue;
    entries[slot].position[generation_slot] = 0;
    changed.slots.push_back(slot);
  }
  changed.names.reserve(changed.slots.size());
  for (const uint32_t slot : changed.slots) changed.names.push_back(NameOf(**known, slot));
  Result<void> done = maps_.names.UpdateAll(changed.slots, changed.names);
  if (!done) known_.reset();
  return done;
}

Result<void> RuleLedger::Retire(const std::vector<RuleIdentity>& rules) {
  auto known = Load();
  if (!known) return known.error();
  auto retirements = Retirements();
  if (!retirements) return retirements.error();
  Marked marked;
  for (const RuleIdentity& rule : rules) {
    const auto slot = (*known)->names.Find(rule.key, rule.direction);
    if (!slot) continue;
    marked.slots.push_back(*slot);
    marked.names.push_back(NameOf(**known, *slot));
    marked.names.back().retired_at = static_cast<uint32_t>(*retirements + 1);
    (*known)->entries[*slot] = Entry();
    (*known)->names.Remove(*slot);
  }
  if (marked.slots.empty()) return {};
  Result<void> done = MoveCounts(marked, *retirements);
  if (!done) known_.reset();
  return done;
}

Result<void> RuleLedger::MoveCounts(const Marked& marked, uint64_t retirements) const {
  if (auto done = maps_.names.UpdateAll(marked.slots, marked.names); !done) return done;
  if (auto done = WriteSums(retirements, marked); !done) return done;
  if (auto instant = maps_.retirements.Update(uint32_t{0}, retirements + 1); !instant)
    return instant;
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
