// SPDX-License-Identifier: Apache-2.0
#include "agent/datapath/fake_datapath.h"

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

namespace portmatrix {
namespace {

std::string Quoted(uint32_t slot) { return "slot " + std::to_string(slot); }

}  // namespace

void FakeKernel::Packet(uint64_t boot_milliseconds) {
  if (PM_CONTROL_STATE(control) != PM_CONTROL_PENDING ||
      boot_milliseconds < PM_CONTROL_DEADLINE(control)) {
    return;
  }
  control = PM_CONTROL(PM_CONTROL_PREVIOUS(control), PM_CONTROL_JUDGING(control),
                       PM_CONTROL_ROLLED_BACK, PM_CONTROL_SEQUENCE(control) + 1, 0);
}

bool FakeKernel::Names(uint32_t slot) const {
  return PM_CONTROL_STATE(control) != PM_CONTROL_DETACHED &&
         (PM_CONTROL_JUDGING(control) == slot || PM_CONTROL_PREVIOUS(control) == slot);
}

template <typename Effect>
auto FakeDatapath::Run(const std::string& call, bool is_read, Effect effect) -> decltype(effect()) {
  if (kernel_->before) kernel_->before(call);
  if (!is_read) kernel_->calls.push_back(call);
  const bool fails = kernel_->fail_at > 0 && --kernel_->fail_at == 0;
  if (fails && !kernel_->fails_late) return Error{"fake", call, kernel_->fail_with, ""};
  auto result = effect();
  if (fails) return Error{"fake, late", call, kernel_->fail_with, ""};
  return result;
}

Result<Numbering> FakeDatapath::ReadNumbering() {
  return Run("ReadNumbering", true, [&]() -> Result<Numbering> { return kernel_->numbering; });
}

Result<std::vector<RuleIdentity>> FakeDatapath::RulesBeyond(const IsNamed& is_named) {
  return Run("RulesBeyond", true, [&]() -> Result<std::vector<RuleIdentity>> {
    std::vector<RuleIdentity> beyond;
    for (const auto& [rule, slot] : kernel_->numbering.rules)
      if (!is_named(rule.key, rule.direction)) beyond.push_back(rule);
    return beyond;
  });
}

Result<pm_generation> FakeDatapath::ReadGeneration(uint32_t slot) {
  return Run("ReadGeneration", true,
             [&]() -> Result<pm_generation> { return kernel_->slots.at(slot).record; });
}

Result<void> FakeDatapath::Install(uint32_t slot, const Generation& generation,
                                   const Numbering& numbering) {
  if (kernel_->Names(slot)) kernel_->violations.push_back(Quoted(slot) + " is in force");
  if (kernel_->in_use.at(slot)) kernel_->violations.push_back(Quoted(slot) + " may still be held");
  return Run("Install " + std::to_string(generation.record.number), false, [&]() -> Result<void> {
    for (const RuleIdentity& rule : generation.rules)
      kernel_->numbering.rules[rule] = numbering.rules.at(rule);
    for (const std::string& name : generation.interfaces)
      kernel_->numbering.interfaces[name] = numbering.interfaces.at(name);
    for (const std::string& name : generation.devices)
      kernel_->numbering.devices[name] = numbering.devices.at(name);
    kernel_->slots.at(slot) = {generation.record,     generation.image,   generation.rules,
                               generation.interfaces, generation.devices, generation.live_sets};
    for (const LiveSetRoom& set : generation.live_sets) {
      const uint32_t number = numbering.live_sets.at(set.name);
      if (kernel_->numbering.live_sets.emplace(set.name, number).second)
        kernel_->live_content[number] = {};
      uint32_t& capacity = kernel_->live_capacity[number];
      capacity = std::max(capacity, set.capacity);
    }
    return {};
  });
}

Result<void> FakeDatapath::WaitForPrograms() {
  return Run("WaitForPrograms", false, [&]() -> Result<void> {
    for (uint32_t slot = 0; slot < PM_SLOTS; ++slot)
      kernel_->in_use.at(slot) = kernel_->Names(slot);
    return {};
  });
}

Result<void> FakeDatapath::Retire(const std::vector<RuleIdentity>& rules) {
  return Run("Retire", false, [&]() -> Result<void> {
    for (const RuleIdentity& rule : rules) {
      for (uint32_t slot = 0; slot < PM_SLOTS; ++slot) {
        if (!kernel_->Names(slot) && !kernel_->in_use.at(slot)) continue;
        for (const RuleIdentity& named : kernel_->slots.at(slot).rules)
          if (named == rule) kernel_->violations.push_back(rule.key + " is named by a generation");
      }
      kernel_->numbering.rules.erase(rule);
      kernel_->retired.push_back(rule);
    }
    return {};
  });
}

const LiveEntries& FakeDatapath::LiveContent(uint32_t set) const {
  static const LiveEntries kNone;
  const auto found = kernel_->live_content.find(set);
  return found == kernel_->live_content.end() ? kNone : found->second;
}

uint32_t FakeDatapath::LiveCapacity(uint32_t set) const {
  const auto found = kernel_->live_capacity.find(set);
  return found == kernel_->live_capacity.end() ? 0 : found->second;
}

Result<void> FakeDatapath::PutLive(uint32_t set, const Prefix& prefix, const LiveEntry& entry) {
  return Run("PutLive " + ToString(prefix), false, [&]() -> Result<void> {
    LiveEntries& content = kernel_->live_content.at(set);
    if (!content.Contains(prefix) && content.size() >= LiveCapacity(set))
      return Error{"write to", "live set", E2BIG, ""};
    content.Put(prefix, entry);
    return {};
  });
}

Result<void> FakeDatapath::EraseLive(uint32_t set, const Prefix& prefix) {
  return Run("EraseLive " + ToString(prefix), false, [&]() -> Result<void> {
    kernel_->live_content.at(set).Erase(prefix);
    return {};
  });
}

Result<void> FakeDatapath::ForgetLiveSets(const std::vector<std::string>& names) {
  return Run("ForgetLiveSets", false, [&]() -> Result<void> {
    for (const std::string& name : names) {
      for (uint32_t slot = 0; slot < PM_SLOTS; ++slot) {
        if (!kernel_->Names(slot) && !kernel_->in_use.at(slot)) continue;
        for (const LiveSetRoom& named : kernel_->slots.at(slot).live_sets)
          if (named.name == name) kernel_->violations.push_back(name + " is named by a generation");
      }
      const auto known = kernel_->numbering.live_sets.find(name);
      if (known == kernel_->numbering.live_sets.end()) continue;
      kernel_->live_content.erase(known->second);
      kernel_->live_capacity.erase(known->second);
      kernel_->numbering.live_sets.erase(known);
    }
    return {};
  });
}

Result<uint64_t> FakeDatapath::ReadControl() {
  return Run("ReadControl", true, [&]() -> Result<uint64_t> { return kernel_->control; });
}

Result<bool> FakeDatapath::SwapControl(uint64_t expected, uint64_t desired) {
  return Run("SwapControl", false, [&]() -> Result<bool> {
    if (kernel_->control != expected) return false;
    if (PM_CONTROL_SEQUENCE(desired) != ((PM_CONTROL_SEQUENCE(expected) + 1) & 0xffffu))
      kernel_->violations.emplace_back("a swap that does not count");
    kernel_->control = desired;
    if (PM_CONTROL_STATE(desired) != PM_CONTROL_DETACHED) {
      kernel_->in_use.at(PM_CONTROL_JUDGING(desired)) = true;
      kernel_->in_use.at(PM_CONTROL_PREVIOUS(desired)) = true;
    }
    return true;
  });
}

Result<Attachment> FakeDatapath::Attach(const std::string& device, uint32_t number, XdpMode mode) {
  return Run("Attach " + device, false, [&]() -> Result<Attachment> {
    const auto found = kernel_->devices.find(device);
    if (found == kernel_->devices.end()) return Error{"attach to", device, ENODEV, ""};
    if (kernel_->held.contains(device))
      return Error{"attach xdp to", device, EBUSY, "held by program id 41"};
    kernel_->overtaken.erase(device);
    const auto hooked = kernel_->attachments.find(device);
    if (hooked != kernel_->attachments.end() && hooked->second.ifindex == found->second)
      return hooked->second;
    Attachment made{device, number, found->second,
                    mode == XdpMode::kGeneric ? PM_XDP_GENERIC : PM_XDP_NATIVE, PM_TC_TCX};
    kernel_->attachments[device] = made;
    return made;
  });
}

Result<void> FakeDatapath::Detach(const std::string& device) {
  return Run("Detach " + device, false, [&]() -> Result<void> {
    kernel_->attachments.erase(device);
    return {};
  });
}

Result<std::vector<Attachment>> FakeDatapath::Attachments() {
  return Run("Attachments", true, [&]() -> Result<std::vector<Attachment>> {
    std::vector<Attachment> all;
    for (const auto& [device, attachment] : kernel_->attachments) all.push_back(attachment);
    return all;
  });
}

Result<void> FakeDatapath::Verify(const Attachment& attachment) {
  return Run("Verify", true, [&]() -> Result<void> {
    const auto found = kernel_->devices.find(attachment.device);
    const auto renamed = kernel_->renamed.find(attachment.device);
    if (found == kernel_->devices.end() && renamed != kernel_->renamed.end())
      return Error{"find device", attachment.device, ESTALE,
                   "it is called " + renamed->second + " now"};
    if (found == kernel_->devices.end()) return Error{"find device", attachment.device, ENODEV, ""};
    if (found->second != attachment.ifindex)
      return Error{"find the hooks of", attachment.device, ENXIO, ""};
    const auto hooked = kernel_->attachments.find(attachment.device);
    if (hooked == kernel_->attachments.end() || hooked->second.ifindex != attachment.ifindex)
      return Error{"find the hook of", attachment.device, ENOENT, ""};
    const auto overtaken = kernel_->overtaken.find(attachment.device);
    if (overtaken != kernel_->overtaken.end())
      return Error{"find the hook of", attachment.device, EBUSY, overtaken->second + " is first"};
    return {};
  });
}

Result<void> FakeDatapath::KeepTagsInFrames(const std::string& device) {
  if (!kernel_->takes_tags_out.contains(device)) return {};
  return Error{"turn receive VLAN offload off on", device, EOPNOTSUPP, ""};
}

Result<std::vector<std::string>> FakeDatapath::RestorePins() {
  return Run("RestorePins", true, [&]() -> Result<std::vector<std::string>> {
    return std::exchange(kernel_->lost_pins, {});
  });
}

Result<void> FakeDatapath::Remove() {
  return Run("Remove", false, [&]() -> Result<void> {
    // The word lives on in the maps that an agent still holds open, but a new one finds new maps.
    kernel_->control =
        PM_CONTROL(0, 0, PM_CONTROL_DETACHED, PM_CONTROL_SEQUENCE(kernel_->control) + 1, 0);
    kernel_->attachments.clear();
    kernel_->slots = {};
    kernel_->numbering = {};
    kernel_->live_content.clear();
    kernel_->live_capacity.clear();
    kernel_->in_use = {};
    return {};
  });
}

}  // namespace portmatrix
