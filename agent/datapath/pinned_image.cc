// SPDX-License-Identifier: Apache-2.0
#include "agent/datapath/pinned_image.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <memory>
#include <tuple>

#include "agent/datapath/bpf_map.h"
#include "agent/datapath/fixed_text.h"
#include "agent/datapath/image_maps.h"
#include "agent/datapath/pins.h"

namespace portmatrix {
namespace {

uint64_t BootMilliseconds() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1000000;
}

uint32_t JudgingSlot(uint64_t word) {
  const bool over = PM_CONTROL_STATE(word) == PM_CONTROL_PENDING &&
                    BootMilliseconds() >= PM_CONTROL_DEADLINE(word);
  return over ? PM_CONTROL_PREVIOUS(word) : PM_CONTROL_JUDGING(word);
}

Result<BpfMap> OpenPart(const Pins& pins, uint32_t slot, const char* name) {
  return BpfMap::OpenPinned(name, pins.Map("slot-" + std::to_string(slot) + "-" + name), true);
}

Result<std::vector<pm_block>> ReadTable(const BpfMap& map) {
  bpf_map_info described{};
  uint32_t size = sizeof described;
  if (bpf_obj_get_info_by_fd(map.fd(), &described, &size) != 0)
    return map.Failure("describe", errno);
  return map.ReadArray<pm_block>(described.max_entries);
}

Result<Image> ReadImage(const Pins& pins, uint32_t slot) {
  auto fronts = BpfMap::OpenPinned("fronts", pins.Map("fronts"), true);
  if (!fronts) return fronts.error();
  const auto front = std::make_unique<pm_front>();
  if (bpf_map_lookup_elem(fronts->fd(), &slot, front.get()) != 0)
    return fronts->Failure("read", errno);
  std::array<std::vector<pm_block>, PM_TABLE_COUNT> beyond;
  for (size_t i = 0; i < PM_TABLE_COUNT; ++i) {
    auto map = OpenPart(pins, slot, kTableNames[i]);
    // Filled by an agent that knew no such table, and needs none.
    if (!map && map.error().code == ENOENT && i == PM_TABLE_LIVE) continue;
    if (!map) return map.error();
    auto table = ReadTable(*map);
    if (!table) return table.error();
    beyond[i] = std::move(*table);
  }
  return Joined(*front, beyond);
}

Result<void> ReadNames(const Pins& pins, PinnedNames* pinned) {
  auto owners = BpfMap::OpenPinned("owners", pins.Map("owners"), true);
  if (!owners) return owners.error();
  std::vector<std::tuple<uint32_t, std::string, uint32_t>> ordered;  // position, name, number
  for (uint32_t number = 0; number < PM_OWNERS; ++number) {
    auto owner = owners->Lookup<uint32_t, pm_owner_name>(number);
    if (!owner) return owner.error();
    if (*owner && (*owner)->position[pinned->slot] != 0)
      ordered.emplace_back((*owner)->position[pinned->slot], TextOf((*owner)->name), number);
  }
  std::sort(ordered.begin(), ordered.end());
  for (const auto& [position, name, number] : ordered) {
    if (number < PM_MAX_INTERFACES)
      pinned->interfaces.emplace_back(name, number);
    else
      pinned->devices.emplace_back(name, number - PM_MAX_INTERFACES);
  }
  auto names = BpfMap::OpenPinned("names", pins.Map("names"), true);
  if (!names) return names.error();
  auto slots = names->Keys<uint32_t>();
  if (!slots) return slots.error();
  for (const uint32_t counter : *slots) {
    auto name = names->Lookup<uint32_t, pm_rule_name>(counter);
    if (!name) return name.error();
    if (*name)
      pinned->rules.emplace(
          counter, RuleIdentity{TextOf((*name)->key), static_cast<Direction>((*name)->direction)});
  }
  return {};
}

Result<uint64_t> GenerationNumber(const BpfMap& generations, uint32_t slot) {
  auto record = generations.Lookup<uint32_t, pm_generation>(slot);
  if (!record) return record.error();
  return record->value_or(pm_generation{}).number;
}

}  // namespace

Result<PinnedNames> ReadPinnedNames(const std::string& pin_root) {
  const Pins pins(pin_root);
  PinnedNames names;
  auto control = BpfMap::OpenPinned("control", pins.Map("control"), true);
  if (!control) return control.error();
  auto word = control->Lookup<uint32_t, uint64_t>(0);
  if (!word) return word.error();
  names.control = word->value_or(0);
  names.slot = JudgingSlot(names.control);
  auto generations = BpfMap::OpenPinned("generations", pins.Map("generations"), true);
  if (!generations) return generations.error();
  auto record = generations->Lookup<uint32_t, pm_generation>(names.slot);
  if (!record) return record.error();
  names.generation = record->value_or(pm_generation{});
  if (auto read = ReadNames(pins, &names); !read) return read.error();
  return names;
}

Result<PinnedImage> ReadPinnedImage(const std::string& pin_root) {
  const Pins pins(pin_root);
  // A slot may be filled again while it is read, if the control word leaves it meanwhile.
  constexpr int kAttempts = 3;
  for (int i = 0; i < kAttempts; ++i) {
    auto names = ReadPinnedNames(pin_root);
    if (!names) return names.error();
    PinnedImage pinned{std::move(*names), {}};
    if (pinned.detached()) return pinned;
    auto image = ReadImage(pins, pinned.slot);
    if (!image) return image.error();
    pinned.image = std::move(*image);
    auto generations = BpfMap::OpenPinned("generations", pins.Map("generations"), true);
    if (!generations) return generations.error();
    auto after = GenerationNumber(*generations, pinned.slot);
    if (!after) return after.error();
    if (*after == pinned.generation.number) return pinned;
  }
  return Error{"read", "the generation in force", EAGAIN, "it changes all the time"};
}

}  // namespace portmatrix
