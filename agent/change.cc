// SPDX-License-Identifier: Apache-2.0
#include "agent/change.h"

#include <algorithm>
#include <cerrno>
#include <future>
#include <utility>

#include "agent/compile/compile.h"
#include "agent/compile/numbering.h"

namespace portmatrix {
namespace {

// In a thread of its own, or where none is to be had, when the result is asked for.
constexpr std::launch kElsewhere = std::launch::async | std::launch::deferred;

Result<Generation> Build(const NewGeneration& from, const Numbering& numbering) {
  std::string limit;
  std::optional<Compilation> compiled = Compile(*from.node, numbering, from.number, &limit);
  if (!compiled) return Error{"compile", "generation " + std::to_string(from.number), E2BIG, limit};
  Generation generation;
  generation.image = std::move(compiled->image);
  generation.record = RecordOf(from);
  for (const LiveSet& set : from.node->live_sets)
    generation.live_sets.push_back({set.name, set.max});
  std::set<std::string> devices;
  for (const Interface& interface : from.node->interfaces) {
    generation.interfaces.push_back(interface.name);
    for (const std::string& device : interface.devices)
      if (devices.insert(device).second) generation.devices.push_back(device);
    for (const Rule& rule : interface.rules) generation.rules.push_back({rule.key, rule.direction});
  }
  return generation;
}

// The slots that a control word leaves free, lowest first.
std::vector<uint32_t> FreeSlots(uint64_t control) {
  std::vector<uint32_t> free;
  for (uint32_t slot = 0; slot < PM_SLOTS; ++slot) {
    const bool named =
        PM_CONTROL_STATE(control) != PM_CONTROL_DETACHED &&
        (slot == PM_CONTROL_JUDGING(control) || slot == PM_CONTROL_PREVIOUS(control));
    if (!named) free.push_back(slot);
  }
  return free;
}

// The hooks that a change made, taken away again unless it keeps them.
class NewHooks {
 public:
  explicit NewHooks(Datapath& datapath) : datapath_(datapath) {}

  Result<void> Make(const Change& change, const Numbering& numbering) {
    Result<std::vector<Attachment>> existing = datapath_.Attachments();
    if (!existing) return existing.error();
    std::set<std::string> hooked;
    for (const Attachment& attachment : *existing) hooked.insert(attachment.device);
    const Node& node = *change.judging.node;
    for (const std::string& device : DevicesOf(node)) {
      if (!hooked.contains(device)) made_.push_back(device);
      const Result<Attachment> attached =
          datapath_.Attach(device, numbering.devices.at(device), ModeOf(node, device));
      if (!attached && !change.may_be_unhooked.contains(device)) return attached.error();
    }
    return {};
  }

  // `error`, and what of the undoing failed beside it.
  Error Undo(Error error) {
    for (const std::string& device : made_) {
      const Result<void> detached = datapath_.Detach(device);
      if (!detached) error.detail += (error.detail.empty() ? "" : "; ") + detached.error().Text();
    }
    return error;
  }

 private:
  Datapath& datapath_;
  std::vector<std::string> made_;
};

// Swaps, and finds out the truth where the swap itself reports an error.
Result<void> Swap(uint64_t expected, uint64_t desired, Datapath& datapath) {
  const Result<bool> swapped = datapath.SwapControl(expected, desired);
  if (swapped && *swapped) return {};
  if (swapped) return Error{"change", "the control word", EAGAIN, "it changed meanwhile"};
  const Result<uint64_t> control = datapath.ReadControl();
  if (control && *control == desired) return {};
  return swapped.error();
}

}  // namespace

XdpMode ModeOf(const Node& node, const std::string& device) {
  XdpMode mode = XdpMode::kAny;
  for (const Interface& interface : node.interfaces) {
    if (std::ranges::find(interface.devices, device) == interface.devices.end()) continue;
    if (interface.xdp == XdpMode::kNative) return XdpMode::kNative;
    if (interface.xdp == XdpMode::kGeneric) mode = XdpMode::kGeneric;
  }
  return mode;
}

std::set<std::string> DevicesOf(const Node& node) {
  std::set<std::string> devices;
  for (const Interface& interface : node.interfaces)
    devices.insert(interface.devices.begin(), interface.devices.end());
  return devices;
}

pm_generation RecordOf(const NewGeneration& generation) {
  pm_generation record{};
  record.number = generation.number;
  record.installed_at = static_cast<uint64_t>(generation.installed_at);
  generation.node->name.copy(record.node, PM_NAME_BYTES - 1);
  std::ranges::copy(generation.fingerprint, record.fingerprint);
  return record;
}

Result<uint64_t> CarryOut(const Change& change, Datapath& datapath) {
  Result<Numbering> numbering = datapath.ReadNumbering();
  if (!numbering) return numbering.error();
  const std::map<std::string, uint32_t> live_before = numbering->live_sets;
  std::string what;
  if (!NumberNode(*change.judging.node, datapath.limits(), &*numbering, &what) ||
      (change.previous &&
       !NumberNode(*change.previous->node, datapath.limits(), &*numbering, &what))) {
    return Error{"number", "generation " + std::to_string(change.judging.number), E2BIG, what};
  }

  // The disk takes its time: meanwhile this thread computes, whose memory is at hand.
  std::future<Result<void>> stored;
  if (change.store) stored = std::async(kElsewhere, change.store);
  const std::vector<uint32_t> free = FreeSlots(change.expected);
  const uint32_t judging_slot = free.at(0);
  uint32_t previous_slot = judging_slot;
  std::vector<std::pair<uint32_t, Generation>> built;
  const auto build = [&](uint32_t slot, const NewGeneration& from) -> Result<void> {
    Result<Generation> generation = Build(from, *numbering);
    if (!generation) return generation.error();
    built.emplace_back(slot, std::move(*generation));
    return {};
  };
  Result<void> computed = build(judging_slot, change.judging);
  if (computed && change.previous) {
    previous_slot = free.at(1);
    computed = build(previous_slot, *change.previous);
  } else if (PM_CONTROL_STATE(change.expected) != PM_CONTROL_DETACHED) {
    previous_slot = change.keeps_previous ? PM_CONTROL_PREVIOUS(change.expected)
                                          : PM_CONTROL_JUDGING(change.expected);
  }
  if (change.store)
    if (Result<void> done = stored.get(); !done) return done.error();
  if (!computed) return computed.error();

  NewHooks hooks(datapath);
  if (Result<void> made = hooks.Make(change, *numbering); !made) return hooks.Undo(made.error());
  for (const auto& [slot, generation] : built)
    if (Result<void> filled = datapath.Install(slot, generation, *numbering); !filled)
      return hooks.Undo(filled.error());
  for (const auto& [slot, generation] : built)
    for (const LiveSetRoom& set : generation.live_sets)
      if (change.restore && !live_before.contains(set.name))
        if (Result<void> filled = change.restore(set.name); !filled)
          return hooks.Undo(filled.error());
  const uint64_t deadline = change.state == PM_CONTROL_PENDING ? change.deadline() : 0;
  const uint64_t control = PM_CONTROL(judging_slot, previous_slot, change.state,
                                      PM_CONTROL_SEQUENCE(change.expected) + 1, deadline);
  if (Result<void> swapped = Swap(change.expected, control, datapath); !swapped)
    return hooks.Undo(swapped.error());
  return control;
}

}  // namespace portmatrix
