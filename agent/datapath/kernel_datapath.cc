// SPDX-License-Identifier: Apache-2.0
#include "agent/datapath/kernel_datapath.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "agent/datapath/fixed_text.h"
#include "agent/datapath/map_pins.h"
#include "agent/datapath/owner_names.h"
#include "agent/datapath/vlan_offload.h"

namespace portmatrix {
namespace {

// Stands in the pins last of all maps: without it they are what a start that was cut off left
// behind.
constexpr const char* kLastPinned = "identity";

Result<HookProgram> Described(const FileDescriptor& program) {
  bpf_prog_info loaded{};
  uint32_t size = sizeof loaded;
  if (bpf_obj_get_info_by_fd(program.get(), &loaded, &size) != 0)
    return Error{"describe", "the program", errno, ""};
  return HookProgram{.fd = program.get(), .id = loaded.id};
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
  if (auto adopted = datapath->hooked_->Adopt(); !adopted) return adopted.error();
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
                     ", this agent speaks " + std::to_string(PM_SCHEMA) +
                     "; what is hooked stays in force; `portmatrix detach --yes` makes a beginning "
                     "possible again"};
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
      if (auto done = Pins::Pin(kept.fd(), pins_.Map(name), IsForReaders(name)); !done) return done;
    // So that the program keeps all of them, also those that it never asks.
    if (bpf_prog_bind_map((*object)->xdp_program(), kept.fd(), nullptr) != 0)
      return kept.Failure("bind to the program", errno);
  }
  xdp_program_ = FileDescriptor(fcntl((*object)->xdp_program(), F_DUPFD_CLOEXEC, 0));
  tc_program_ = FileDescriptor(fcntl((*object)->tc_program(), F_DUPFD_CLOEXEC, 0));
  if (auto done = Pins::Pin(xdp_program_.get(), pins_.Program("xdp"), false); !done) return done;
  return Pins::Pin(tc_program_.get(), pins_.Program("tc"), false);
}

Result<void> KernelDatapath::ShareControl() {
  auto control = SharedValue<uint64_t>::Map("control", map("control").fd());
  if (!control) return control.error();
  control_ = std::move(*control);
  return {};
}

Result<void> KernelDatapath::ShareDeviceNumbers() {
  auto numbers = DeviceNumbers::Map(map("devices").fd());
  if (!numbers) return numbers.error();
  device_numbers_ = std::move(*numbers);
  return {};
}

Result<void> KernelDatapath::Prepare() {
  const auto receive = Described(xdp_program_);
  if (!receive) return receive.error();
  const auto send = Described(tc_program_);
  if (!send) return send.error();
  if (auto shared = ShareControl(); !shared) return shared;
  if (auto shared = ShareDeviceNumbers(); !shared) return shared;
  hooked_.emplace(pins_, Devices(), *receive, *send);

  bpf_map_info described{};
  uint32_t size = sizeof described;
  if (bpf_obj_get_info_by_fd(map("rule_counters").fd(), &described, &size) != 0)
    return map("rule_counters").Failure("describe", errno);
  rule_slots_ = described.max_entries;
  images_.emplace(pins_, map("fronts"), map("tables"));
  if (auto adopted = images_->Adopt(); !adopted) return adopted;
  live_sets_.emplace(pins_, map("live_sets"), map("live_hosts"), map("live_prefixes"));
  if (auto adopted = live_sets_->Adopt(); !adopted) return adopted;
  ledger_.emplace(RuleMaps{map("names"), map("rule_counters"), map("retired"), map("retirements")});
  return ledger_->Finish();
}

// ---- Generations ----

Result<Numbering> KernelDatapath::ReadNumbering() {
  Numbering numbering;
  auto rules = ledger_->Slots();
  if (!rules) return rules.error();
  numbering.rules = std::move(*rules);
  if (auto owners = ReadOwners(map("owners"), &numbering); !owners) return owners.error();
  numbering.live_sets = live_sets_->numbers();
  return numbering;
}

Result<std::vector<RuleIdentity>> KernelDatapath::RulesBeyond(const IsNamed& is_named) {
  return ledger_->RulesBeyond(is_named);
}

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
  if (auto named = NameOwners(map("owners"), slot, generation, numbering); !named) return named;
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
  return hooked_->ForgetUnhooked();
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
  return hooked_->Attach(device, number, mode);
}

Result<void> KernelDatapath::Detach(const std::string& device) { return hooked_->Detach(device); }

Result<std::vector<Attachment>> KernelDatapath::Attachments() { return hooked_->All(); }

Result<void> KernelDatapath::Verify(const Attachment& attachment) {
  return hooked_->Verify(attachment);
}

bool KernelDatapath::StillHolds(const Attachment& attachment) {
  return hooked_->StillHolds(attachment);
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
    return Pins::Pin(fd, path, readers);
  };
  for (const auto& [name, map] : maps_)
    if (auto done = restore(map.fd(), pins_.Map(name), IsForReaders(name)); !done)
      return done.error();
  for (const auto& [name, program] : {std::pair{"xdp", &xdp_program_}, {"tc", &tc_program_}})
    if (auto done = restore(program->get(), pins_.Program(name), false); !done) return done.error();
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
  auto attachments = hooked_->All();
  if (!attachments) return attachments.error();
  for (const Attachment& attachment : *attachments)
    if (auto detached = hooked_->Detach(attachment.device); !detached) return detached;
  return pins_.RemoveAll();
}

Result<void> KernelDatapath::RemoveAll(const std::string& pin_root) {
  KernelDatapath datapath(pin_root);
  // No more than must be known to let go, for the maps may be of another schema.
  for (const char* name : {"control", "attachments"}) {
    auto map = BpfMap::OpenPinned(name, datapath.pins_.Map(name), false);
    if (!map) return map.error();
    datapath.maps_.emplace(name, std::move(*map));
  }
  if (auto shared = datapath.ShareControl(); !shared) return shared;
  datapath.hooked_.emplace(datapath.pins_, datapath.Devices(), HookProgram{}, HookProgram{});
  return datapath.Remove();
}

}  // namespace portmatrix
