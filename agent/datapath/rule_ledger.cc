// SPDX-License-Identifier: Apache-2.0
#include "agent/datapath/rule_ledger.h"

#include <bpf/bpf.h>

#include <cerrno>
#include <cstring>
#include <set>
#include <string>
#include <utility>

namespace portmatrix {
namespace {

RuleIdentity IdentityOf(const pm_rule_name& name) {
  return {std::string(name.key, strnlen(name.key, sizeof name.key)),
          static_cast<Direction>(name.direction)};
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
  auto names = ReadNames();
  if (!names) return names.error();
  std::map<RuleIdentity, uint32_t> slots;
  for (const auto& [slot, name] : *names) slots.emplace(IdentityOf(name), slot);
  return slots;
}

Result<void> RuleLedger::Finish() {
  auto retirements = Retirements();
  if (!retirements) return retirements.error();
  auto names = ReadNames();
  if (!names) return names.error();
  for (auto& [slot, name] : *names) {
    if (name.retired_at == 0) continue;
    if (name.retired_at > *retirements) {
      name.retired_at = 0;  // its instant never came
      if (auto kept = maps_.names.Update(slot, name); !kept) return kept;
    } else if (auto cleared = Clear(slot); !cleared) {
      return cleared;
    }
  }
  return {};
}

Result<void> RuleLedger::Name(uint32_t generation_slot, const std::vector<RuleIdentity>& rules,
                              const Numbering& numbering) {
  // A slot must not be given again while it holds counts that `retired` has already.
  if (auto finished = Finish(); !finished) return finished;
  auto names = ReadNames();
  if (!names) return names.error();
  Marked changed;
  std::set<uint32_t> placed;
  for (uint32_t i = 0; i < rules.size(); ++i) {
    const uint32_t slot = numbering.rules.at(rules[i]);
    placed.insert(slot);
    const auto [found, added] = names->try_emplace(slot, pm_rule_name{});
    pm_rule_name& name = found->second;
    if (added) {
      rules[i].key.copy(name.key, sizeof name.key - 1);
      const std::string interface = rules[i].key.substr(0, rules[i].key.find('/'));
      name.owner = static_cast<uint16_t>(numbering.interfaces.at(interface));
      name.direction = static_cast<uint8_t>(rules[i].direction);
    } else if (name.position[generation_slot] == i + 1) {
      continue;
    }
    name.position[generation_slot] = i + 1;
    changed.slots.push_back(slot);
    changed.names.push_back(name);
  }
  for (auto& [slot, name] : *names) {
    if (name.position[generation_slot] == 0 || placed.contains(slot)) continue;
    name.position[generation_slot] = 0;
    changed.slots.push_back(slot);
    changed.names.push_back(name);
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
