// SPDX-License-Identifier: Apache-2.0
#include "agent/datapath/kernel_datapath.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <net/if.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "agent/datapath/map_pins.h"
#include "agent/datapath/vlan_offload.h"

namespace portmatrix {
namespace {

// Stands in the pins last of all maps: without it they are what a start that was cut off left
// behind.
constexpr const char* kLastPinned = "identity";

uint64_t RealTime() {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000000000u + static_cast<uint64_t>(now.tv_nsec);
}

template <size_t kBytes>
void CopyText(const std::string& text, char (&to)[kBytes]) {
  std::memset(to, 0, kBytes);
  text.copy(to, kBytes - 1);
}

template <size_t kBytes>
std::string TextOf(const char (&from)[kBytes]) {
  return std::string(from, strnlen(from, kBytes));
}

}  // namespace

Result<std::unique_ptr<KernelDatapath>> KernelDatapath::Open(const std::string& pin_root,
                                                             const DatapathSizes& sizes,
                                                             const std::string& state_directory) {
  std::unique_ptr<KernelDatapath> datapath(new KernelDatapath(pin_root));
  const Pins& pins = datapath->pins_;
  if (auto made = pins.MakeDirectories(); !made) return made.error();
  pins.RemoveUnfinished();
  if (auto restored = RestoreFromPrograms(pins); !restored) return restored.error();
  if (auto whole = datapath->CheckPins(); !whole) return whole.error();
  auto same_program = datapath->IsOurProgram();
  if (!same_program) return same_program.error();
  // Pins of this very program are taken as they are; what is missing among them is made anew.
  if (!*same_program || !datapath->AdoptProgram())
    if (auto loaded = datapath->LoadProgram(sizes); !loaded) return loaded.error();
  if (auto prepared = datapath->Prepare(); !prepared) return prepared.error();
  if (auto adopted = datapath->AdoptHooks(); !adopted) return adopted.error();
  // Only now does this program stand on the hooks.
  const auto fingerprint = ProgramFingerprint();
  if (auto named = datapath->WriteIdentity(fingerprint, state_directory); !named)
    return named.error();
  return datapath;
}

// What is pinned must be whole, and of our schema. A first start that was cut off left pins that
// were never in force: only those are removed.
Result<void> KernelDatapath::CheckPins() {
  if (access(pins_.Map("control").c_str(), F_OK) == 0) {
    auto control_map = BpfMap::OpenPinned("control", pins_.Map("control"), true);
    if (!control_map) return control_map.error();
    auto control = control_map->Lookup<uint32_t, uint64_t>(0);
    if (!control) return control.error();
    const std::vector<std::string> missing = MissingOf(pins_);
    if (!missing.empty() && control->value_or(0) != 0) {
      std::string names = missing[0];
      for (size_t i = 1; i < missing.size(); ++i) names += ", " + missing[i];
      return Error{"adopt the pins under", pins_.root(), 0,
                   "these maps have no pin any more: " + names +
                       "; what is hooked stays in force; `portmatrix detach --yes` makes a "
                       "beginning possible again"};
    }
    if (!missing.empty()) {
      if (auto removed = pins_.RemoveAll(); !removed) return removed;
      return pins_.MakeDirectories();
    }
  }
  if (access(pins_.Map(kLastPinned).c_str(), F_OK) != 0) return {};
  auto identity = ReadIdentity();
  if (!identity) return identity.error();
  if (identity->schema != PM_SCHEMA)
    return Error{"adopt the pins under", pins_.root(), 0,
                 "they are of map schema " + std::to_string(identity->schema) +
                     ", this agent speaks " + std::to_string(PM_SCHEMA)};
  return {};
}

Result<pm_identity> KernelDatapath::ReadIdentity() const {
  auto identity_map = BpfMap::OpenPinned(kLastPinned, pins_.Map(kLastPinned), true);
  if (!identity_map) return identity_map.error();
  auto identity = identity_map->Lookup<uint32_t, pm_identity>(0);
  if (!identity) return identity.error();
  return identity->value_or(pm_identity{});
}

Result<bool> KernelDatapath::IsOurProgram() const {
  if (access(pins_.Map(kLastPinned).c_str(), F_OK) != 0) return false;
  auto identity = ReadIdentity();
  if (!identity) return identity.error();
  return std::ranges::equal(identity->program_fingerprint, ProgramFingerprint());
}

Result<void> KernelDatapath::WriteIdentity(
    const std::array<uint8_t, PM_FINGERPRINT_BYTES>& fingerprint,
    const std::string& state_directory) {
  pm_identity identity{};
  identity.schema = PM_SCHEMA;
  std::ranges::copy(fingerprint, identity.program_fingerprint);
  CopyText(state_directory, identity.state_directory);
  return map(kLastPinned).Update(uint32_t{0}, identity);
}

bool KernelDatapath::AdoptProgram() {
  std::map<std::string, BpfMap> maps;
  for (const std::string& name : FilterObject::MapNames()) {
    if (!IsPinned(name)) continue;
    auto map = BpfMap::OpenPinned(name, pins_.Map(name), false);
    if (!map) return false;
    maps.emplace(name, std::move(*map));
  }
  FileDescriptor xdp(bpf_obj_get(pins_.Program("xdp").c_str()));
  FileDescriptor tc(bpf_obj_get(pins_.Program("tc").c_str()));
  if (!xdp.valid() || !tc.valid()) return false;
  maps_ = std::move(maps);
  xdp_program_ = std::move(xdp);
  tc_program_ = std::move(tc);
  return true;
}

Result<void> KernelDatapath::LoadProgram(const DatapathSizes& sizes) {
  // Maps that are pinned are taken over by the object; descriptors must last until it is loaded.
  std::map<std::string, FileDescriptor> pinned;
  auto object =
      FilterObject::Load(FilterObject::Purpose::kHooks, sizes, [&](const std::string& name) {
        if (!IsPinned(name)) return -1;
        FileDescriptor fd(bpf_obj_get(pins_.Map(name).c_str()));
        if (!fd.valid()) return -1;
        return pinned.insert_or_assign(name, std::move(fd)).first->second.get();
      });
  if (!object) return object.error();

  std::vector<std::string> names = FilterObject::MapNames();
  std::erase(names, kLastPinned);
  names.emplace_back(kLastPinned);
  for (const std::string& name : names) {
    if (!IsPinned(name)) continue;
    BpfMap map(name, FileDescriptor(fcntl((*object)->map(name), F_DUPFD_CLOEXEC, 0)));
    if (!map.valid()) return map.Failure("keep", errno);
    const BpfMap& kept = maps_.emplace(name, std::move(map)).first->second;
    // Of no program until this one stands on the hooks.
    if (name == kLastPinned && !pinned.contains(name))
      if (auto written = WriteIdentity({}, ""); !written) return written;
    if (!pinned.contains(name))
      if (auto done = pins_.Pin(kept.fd(), pins_.Map(name), IsForReaders(name)); !done) return done;
    // So that the program keeps all of them, also those that it never asks.
    if (bpf_prog_bind_map((*object)->xdp_program(), kept.fd(), nullptr) != 0)
      return kept.Failure("bind to the program", errno);
  }
  xdp_program_ = FileDescriptor(fcntl((*object)->xdp_program(), F_DUPFD_CLOEXEC, 0));
  tc_program_ = FileDescriptor(fcntl((*object)->tc_program(), F_DUPFD_CLOEXEC, 0));
  if (auto done = pins_.Pin(xdp_program_.get(), pins_.Program("xdp"), false); !done) return done;
  return pins_.Pin(tc_program_.get(), pins_.Program("tc"), false);
}

Result<void> KernelDatapath::Prepare() {
  for (auto* program : {&xdp_hook_, &tc_hook_}) {
    program->fd = program == &xdp_hook_ ? xdp_program_.get() : tc_program_.get();
    bpf_prog_info loaded{};
    uint32_t size = sizeof loaded;
    if (bpf_obj_get_info_by_fd(program->fd, &loaded, &size) != 0)
      return Error{"describe", "the program", errno, ""};
    program->id = loaded.id;
  }

  bpf_map_info described{};
  uint32_t size = sizeof described;
  if (bpf_obj_get_info_by_fd(map("rule_counters").fd(), &described, &size) != 0)
    return map("rule_counters").Failure("describe", errno);
  rule_slots_ = described.max_entries;
  auto control = SharedValue<uint64_t>::Map("control", map("control").fd());
  if (!control) return control.error();
  control_ = std::move(*control);
  images_.emplace(pins_, map("fronts"), map("tables"));
  if (auto adopted = images_->Adopt(); !adopted) return adopted;
  live_sets_.emplace(pins_, map("live_sets"), map("live_hosts"), map("live_prefixes"));
  if (auto adopted = live_sets_->Adopt(); !adopted) return adopted;
  ledger_.emplace(RuleMaps{map("names"), map("rule_counters"), map("retired"), map("retirements")});
  return ledger_->Finish();
}

// Hooks that are in place get this object's programs; the maps are the same, so no packet notices.
// A device that cannot be hooked keeps no agent from starting: Verify tells of it.
Result<void> KernelDatapath::AdoptHooks() {
  auto attachments = Attachments();
  if (!attachments) return attachments.error();
  for (const Attachment& attachment : *attachments) {
    const XdpMode mode = attachment.xdp == PM_XDP_GENERIC ? XdpMode::kGeneric : XdpMode::kNative;
    if (if_nametoindex(attachment.device.c_str()) == attachment.ifindex) {
      (void)Attach(attachment.device, attachment.number, mode);
      continue;
    }
    // Of a device that was renamed.
    for (const auto& [hook, program] : {std::pair{kXdpLinks, xdp_hook_}, {kTcLinks, tc_hook_}}) {
      const FoundLink link = links_.Find(hook, attachment.device, attachment.ifindex);
      if (link.place == FoundLink::Place::kHere) bpf_link_update(link.fd, program.fd, nullptr);
    }
  }
  return ForgetUnhooked();
}

// Entries of devices that nothing hooks any more.
Result<void> KernelDatapath::ForgetUnhooked() {
  auto attachments = Attachments();
  if (!attachments) return attachments.error();
  auto known = map("devices").Keys<uint32_t>();
  if (!known) return known.error();
  for (const uint32_t ifindex : *known) {
    if (std::ranges::find(*attachments, ifindex, &Attachment::ifindex) != attachments->end() ||
        links_.AnyOn(kXdpLinks, ifindex))
      continue;
    if (auto gone = map("devices").Delete(ifindex); !gone) return gone;
  }
  return {};
}

// ---- Names and numbers ----

Result<std::vector<pm_owner_name>> KernelDatapath::ReadOwnerNames() const {
  return map("owners").ReadArray<pm_owner_name>(PM_OWNERS);
}

Result<Numbering> KernelDatapath::ReadNumbering() {
  Numbering numbering;
  auto rules = ledger_->Slots();
  if (!rules) return rules.error();
  numbering.rules = std::move(*rules);
  auto owners = ReadOwnerNames();
  if (!owners) return owners.error();
  for (uint32_t i = 0; i < PM_OWNERS; ++i) {
    const std::string name = TextOf((*owners)[i].name);
    if (name.empty()) continue;
    if (i < PM_MAX_INTERFACES)
      numbering.interfaces.emplace(name, i);
    else
      numbering.devices.emplace(name, i - PM_MAX_INTERFACES);
  }
  numbering.live_sets = live_sets_->numbers();
  return numbering;
}

Result<void> KernelDatapath::NameOwners(uint32_t slot, const Generation& generation,
                                        const Numbering& numbering) {
  auto owners = ReadOwnerNames();
  if (!owners) return owners.error();
  std::vector<pm_owner_name> next = *owners;
  for (pm_owner_name& owner : next) owner.position[slot] = 0;
  const auto place = [&](uint32_t number, const std::string& name, uint32_t position) {
    CopyText(name, next[number].name);
    next[number].position[slot] = position;
  };
  for (uint32_t i = 0; i < generation.interfaces.size(); ++i)
    place(numbering.interfaces.at(generation.interfaces[i]), generation.interfaces[i], i + 1);
  for (uint32_t i = 0; i < generation.devices.size(); ++i)
    place(PM_MAX_INTERFACES + numbering.devices.at(generation.devices[i]), generation.devices[i],
          i + 1);
  for (uint32_t i = 0; i < PM_OWNERS; ++i) {
    if (std::memcmp(&next[i], &(*owners)[i], sizeof next[i]) == 0) continue;
    if (auto written = map("owners").Update(i, next[i]); !written) return written;
  }
  return {};
}

// ---- Generations ----

Result<pm_generation> KernelDatapath::ReadGeneration(uint32_t slot) {
  auto record = map("generations").Lookup<uint32_t, pm_generation>(slot);
  if (!record) return record.error();
  return record->value_or(pm_generation{});
}

Result<void> KernelDatapath::Install(uint32_t slot, const Generation& generation,
                                     const Numbering& numbering) {
  // The slot is nobody's until its record says so again at the end.
  if (auto cleared = map("generations").Update(slot, pm_generation{}); !cleared) return cleared;
  for (const LiveSetRoom& set : generation.live_sets) {
    const uint32_t number = numbering.live_sets.at(set.name);
    if (auto there = live_sets_->Provide(set.name, number, set.capacity); !there) return there;
  }
  if (auto filled = images_->Fill(slot, generation.image); !filled) return filled;
  if (auto named = ledger_->Name(slot, generation.rules, numbering); !named) return named;
  if (auto named = NameOwners(slot, generation, numbering); !named) return named;
  return map("generations").Update(slot, generation.record);
}

Result<void> KernelDatapath::WaitForPrograms() {
  images_->Settle();
  // Any change of a map in maps waits until no program can hold the old inner map
  // (kernel/bpf/syscall.c, maybe_wait_bpf_programs): the last index of `tables` is no table and
  // serves for that alone.
  LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_INNER_MAP | BPF_F_MMAPABLE);
  const BpfMap empty("pm_empty",
                     FileDescriptor(bpf_map_create(BPF_MAP_TYPE_ARRAY, "pm_empty", sizeof(uint32_t),
                                                   sizeof(pm_block), 1, &options)));
  if (!empty.valid()) return empty.Failure("create", errno);
  const uint32_t index = PM_TABLES_PER_SLOT - 1;
  static_assert(PM_TABLE_COUNT < PM_TABLES_PER_SLOT);
  const int fd = empty.fd();
  if (bpf_map_update_elem(map("tables").fd(), &index, &fd, BPF_ANY) != 0)
    return map("tables").Failure("wait on", errno);
  return ForgetUnhooked();
}

Result<void> KernelDatapath::Retire(const std::vector<RuleIdentity>& rules) {
  return ledger_->Retire(rules);
}

// ---- Live sets ----

const LiveEntries& KernelDatapath::LiveContent(uint32_t set) const {
  static const LiveEntries kNone;
  const LiveSetMaps* maps = live_sets_->Find(set);
  return maps == nullptr ? kNone : maps->entries();
}

Result<void> KernelDatapath::PutLive(uint32_t set, const Prefix& prefix, const LiveEntry& entry) {
  LiveSetMaps* maps = live_sets_->Find(set);
  if (maps == nullptr) return Error{"write to", "live set " + std::to_string(set), ENOENT, ""};
  return maps->Put(prefix, entry);
}

Result<void> KernelDatapath::EraseLive(uint32_t set, const Prefix& prefix) {
  LiveSetMaps* maps = live_sets_->Find(set);
  return maps == nullptr ? Result<void>() : maps->Erase(prefix);
}

Result<void> KernelDatapath::ForgetLiveSets(const std::vector<std::string>& names) {
  for (const std::string& name : names)
    if (auto gone = live_sets_->Forget(name); !gone) return gone;
  return {};
}

// ---- The control word ----

Result<uint64_t> KernelDatapath::ReadControl() {
  return __atomic_load_n(const_cast<uint64_t*>(control_.get()), __ATOMIC_SEQ_CST);
}

Result<bool> KernelDatapath::SwapControl(uint64_t expected, uint64_t desired) {
  return __atomic_compare_exchange_n(const_cast<uint64_t*>(control_.get()), &expected, desired,
                                     false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

// ---- Hooks ----

Result<Attachment> KernelDatapath::Attach(const std::string& device, uint32_t number,
                                          XdpMode mode) {
  const uint32_t ifindex = if_nametoindex(device.c_str());
  if (ifindex == 0)
    return Error{"attach to", device, ENODEV,
                 "no device of that name in this network namespace: see `ip link`"};
  auto before = map("attachments").Lookup<uint32_t, pm_attachment>(number);
  if (!before) return before.error();
  const pm_attachment old = before->value_or(pm_attachment{});
  // Written first, so that no packet meets a hook whose device has no number, and no agent that is
  // killed here leaves a hook that nobody knows of.
  if (auto written = map("devices").Update(ifindex, number); !written) return written.error();
  pm_attachment attachment = old.ifindex == ifindex ? old : pm_attachment{};
  CopyText(device, attachment.device);
  attachment.ifindex = ifindex;
  if (attachment.attached_at == 0) attachment.attached_at = RealTime();
  if (auto written = map("attachments").Update(number, attachment); !written)
    return written.error();

  const auto hooked = Hook(device, mode, &attachment);
  if (!hooked) {
    if (auto undone = map("attachments").Update(number, old); !undone) return undone.error();
    return hooked.error();
  }
  if (auto written = map("attachments").Update(number, attachment); !written)
    return written.error();
  if (old.ifindex != 0 && old.ifindex != ifindex)
    if (auto forgotten = ForgetIndex(old.ifindex, number); !forgotten) return forgotten.error();
  return Attachment{device, number, ifindex, static_cast<pm_xdp_mode>(attachment.xdp_mode),
                    static_cast<pm_tc_kind>(attachment.tc_kind)};
}

Result<void> KernelDatapath::Hook(const std::string& device, XdpMode mode,
                                  pm_attachment* attachment) {
  const auto before = static_cast<pm_tc_kind>(attachment->tc_kind);
  const auto receive = HookReceive(links_, device, attachment->ifindex, mode, xdp_hook_);
  if (!receive) return receive.error();
  const auto send = HookSend(links_, device, attachment->ifindex, before, tc_hook_);
  if (!send) {
    if (receive->made) UnhookReceive(links_, device);
    return send.error();
  }
  attachment->xdp_mode = static_cast<uint8_t>(receive->mode);
  attachment->tc_kind = static_cast<uint8_t>(send->kind);
  attachment->tc_handle = send->handle;
  attachment->tc_priority = send->priority;
  attachment->tc_program_id = tc_hook_.id;
  return {};
}

// An index that the device no longer has. Another device may have taken it meanwhile.
Result<void> KernelDatapath::ForgetIndex(uint32_t ifindex, uint32_t number) {
  const auto found = map("devices").Lookup<uint32_t, uint32_t>(ifindex);
  if (!found) return found.error();
  if (*found != number || links_.AnyOn(kXdpLinks, ifindex)) return {};
  return map("devices").Delete(ifindex);
}

Result<void> KernelDatapath::Detach(const std::string& device) {
  auto attachments = Attachments();
  if (!attachments) return attachments.error();
  for (const Attachment& attachment : *attachments) {
    if (attachment.device != device) continue;
    auto record = map("attachments").Lookup<uint32_t, pm_attachment>(attachment.number);
    if (!record) return record.error();
    UnhookReceive(links_, device);
    UnhookSend(links_, device, attachment.ifindex, static_cast<pm_tc_kind>((*record)->tc_kind));
    if (auto cleared = map("attachments").Update(attachment.number, pm_attachment{}); !cleared)
      return cleared;
    // Its entry in `devices` goes with the next WaitForPrograms: a packet may still be on its way
    // through the hook.
    return {};
  }
  return {};
}

Result<std::vector<Attachment>> KernelDatapath::Attachments() {
  auto records = map("attachments").ReadArray<pm_attachment>(PM_MAX_DEVICES);
  if (!records) return records.error();
  std::vector<Attachment> attachments;
  for (uint32_t number = 0; number < PM_MAX_DEVICES; ++number) {
    const pm_attachment& record = (*records)[number];
    if (record.ifindex == 0) continue;
    attachments.push_back({TextOf(record.device), number, record.ifindex,
                           static_cast<pm_xdp_mode>(record.xdp_mode),
                           static_cast<pm_tc_kind>(record.tc_kind)});
  }
  return attachments;
}

Result<void> KernelDatapath::Verify(const Attachment& attachment) {
  const std::string& device = attachment.device;
  const uint32_t ifindex = if_nametoindex(device.c_str());
  const auto hooked = [&]() -> Result<void> {
    if (auto held = CheckReceive(links_, device, attachment.ifindex, xdp_hook_.id); !held)
      return held;
    return CheckSend(links_, device, attachment.ifindex, attachment.tc, tc_hook_.id);
  };
  if (ifindex == attachment.ifindex) return hooked();
  if (ifindex != 0)
    return Error{"find the hooks of", device, ENXIO, "the name belongs to another device now"};
  std::array<char, IF_NAMESIZE> name{};
  if (if_indextoname(attachment.ifindex, name.data()) != nullptr && hooked())
    return Error{"find device", device, ESTALE,
                 std::string("it is called ") + name.data() + " now, and stays hooked"};
  return Error{"find device", device, ENODEV, ""};
}

bool KernelDatapath::StillHolds(const Attachment& attachment) {
  return ReceiveStillHolds(links_, attachment.device, attachment.ifindex, xdp_hook_.id) &&
         SendStillHolds(links_, attachment.device, attachment.ifindex, attachment.tc, tc_hook_.id);
}

Result<void> KernelDatapath::KeepTagsInFrames(const std::string& device) {
  return TurnOffReceiveVlanOffload(device);
}

Result<std::vector<std::string>> KernelDatapath::RestorePins() {
  std::vector<std::string> restored;
  const auto touched = pins_.LastChange();
  if (touched == pins_seen_) return restored;
  if (auto made = pins_.MakeDirectories(); !made) return made.error();
  const auto restore = [&](int fd, const std::string& path, bool readers) -> Result<void> {
    if (access(path.c_str(), F_OK) == 0) return {};
    restored.push_back(path);
    return pins_.Pin(fd, path, readers);
  };
  for (const auto& [name, map] : maps_)
    if (auto done = restore(map.fd(), pins_.Map(name), IsForReaders(name)); !done)
      return done.error();
  for (const auto& [name, program] : {std::pair{"xdp", xdp_hook_}, {"tc", tc_hook_}})
    if (auto done = restore(program.fd, pins_.Program(name), false); !done) return done.error();
  // As it was before this look: what changed meanwhile is looked at again.
  pins_seen_ = restored.empty() ? touched : std::string();
  return restored;
}

Result<void> KernelDatapath::Remove() {
  for (;;) {
    const uint64_t seen = __atomic_load_n(const_cast<uint64_t*>(control_.get()), __ATOMIC_SEQ_CST);
    auto swapped =
        SwapControl(seen, PM_CONTROL(0, 0, PM_CONTROL_DETACHED, PM_CONTROL_SEQUENCE(seen) + 1, 0));
    if (!swapped) return swapped.error();
    if (*swapped) break;
  }
  auto attachments = Attachments();
  if (!attachments) return attachments.error();
  for (const Attachment& attachment : *attachments)
    if (auto detached = Detach(attachment.device); !detached) return detached;
  return pins_.RemoveAll();
}

Result<void> KernelDatapath::RemoveAll(const std::string& pin_root) {
  KernelDatapath datapath(pin_root);
  for (const char* name : {"control", "attachments", "devices"}) {
    auto map = BpfMap::OpenPinned(name, datapath.pins_.Map(name), false);
    if (!map) return map.error();
    datapath.maps_.emplace(name, std::move(*map));
  }
  auto control = SharedValue<uint64_t>::Map("control", datapath.map("control").fd());
  if (!control) return control.error();
  datapath.control_ = std::move(*control);
  return datapath.Remove();
}

}  // namespace portmatrix
