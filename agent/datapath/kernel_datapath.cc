// SPDX-License-Identifier: Apache-2.0
#include "agent/datapath/kernel_datapath.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <net/if.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <set>

#include "agent/datapath/image_maps.h"

namespace portmatrix {
namespace {

// Maps that only simulations use, and that are not pinned.
const std::set<std::string> kUnpinned = {"given_clock", "reports"};
// What a reader without privilege needs (pins.h); the rest is its owner's.
const std::set<std::string> kForReaders = {
    "control", "rule_counters", "reason_counters", "seen_counters", "faults",  "retired",
    "names",   "owners",        "generations",     "attachments",   "identity"};
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
                                                             const DatapathSizes& sizes) {
  std::unique_ptr<KernelDatapath> datapath(new KernelDatapath(pin_root));
  const Pins& pins = datapath->pins_;
  if (auto made = pins.MakeDirectories(); !made) return made.error();
  if (access(pins.Map(kLastPinned).c_str(), F_OK) == 0) {
    if (auto opened = datapath->OpenPinnedMaps(); !opened) return opened.error();
  } else if (access(pins.Map("control").c_str(), F_OK) == 0) {
    // Cut off before the first generation: nothing was ever in force.
    if (auto removed = pins.RemoveAll(); !removed) return removed.error();
    if (auto made = pins.MakeDirectories(); !made) return made.error();
  }
  if (auto loaded = datapath->LoadProgram(sizes); !loaded) return loaded.error();
  auto control = SharedValue<uint64_t>::Map("control", datapath->map("control").fd());
  if (!control) return control.error();
  datapath->control_ = std::move(*control);
  if (auto adopted = datapath->AdoptHooks(); !adopted) return adopted.error();
  return datapath;
}

Result<void> KernelDatapath::OpenPinnedMaps() {
  auto identity_map = BpfMap::OpenPinned("identity", pins_.Map("identity"), true);
  if (!identity_map) return identity_map.error();
  auto identity = identity_map->Lookup<uint32_t, pm_identity>(0);
  if (!identity) return identity.error();
  if (!*identity || (*identity)->schema != PM_SCHEMA)
    return Error{"adopt the pins under", pins_.root(), 0,
                 "they are of map schema " + std::to_string(*identity ? (*identity)->schema : 0) +
                     ", this agent speaks " + std::to_string(PM_SCHEMA)};
  return {};
}

Result<void> KernelDatapath::LoadProgram(const DatapathSizes& sizes) {
  // Maps that are pinned are taken over by the object; descriptors must last until it is loaded.
  std::map<std::string, FileDescriptor> pinned;
  auto object =
      FilterObject::Load(FilterObject::Purpose::kHooks, sizes, [&](const std::string& name) {
        if (kUnpinned.contains(name)) return -1;
        FileDescriptor fd(bpf_obj_get(pins_.Map(name).c_str()));
        if (!fd.valid()) return -1;
        return pinned.insert_or_assign(name, std::move(fd)).first->second.get();
      });
  if (!object) return object.error();

  std::vector<std::string> names = (*object)->map_names();
  std::erase(names, kLastPinned);
  names.emplace_back(kLastPinned);
  for (const std::string& name : names) {
    if (kUnpinned.contains(name)) continue;
    BpfMap map(name, FileDescriptor(fcntl((*object)->map(name), F_DUPFD_CLOEXEC, 0)));
    if (!map.valid()) return map.Failure("keep", errno);
    if (name == kLastPinned) {
      pm_identity identity{};
      identity.schema = PM_SCHEMA;
      const auto fingerprint = ProgramFingerprint();
      std::memcpy(identity.program_fingerprint, fingerprint.data(), fingerprint.size());
      if (auto written = map.Update(uint32_t{0}, identity); !written) return written;
    }
    if (!pinned.contains(name))
      if (auto done = pins_.Pin(map.fd(), pins_.Map(name), kForReaders.contains(name)); !done)
        return done;
    maps_.emplace(name, std::move(map));
  }
  xdp_program_ = FileDescriptor(fcntl((*object)->xdp_program(), F_DUPFD_CLOEXEC, 0));
  tc_program_ = FileDescriptor(fcntl((*object)->tc_program(), F_DUPFD_CLOEXEC, 0));
  if (auto done = pins_.Pin(xdp_program_.get(), pins_.Program("xdp"), false); !done) return done;
  if (auto done = pins_.Pin(tc_program_.get(), pins_.Program("tc"), false); !done) return done;

  bpf_map_info described{};
  uint32_t size = sizeof described;
  if (bpf_obj_get_info_by_fd(map("rule_counters").fd(), &described, &size) != 0)
    return map("rule_counters").Failure("describe", errno);
  rule_slots_ = described.max_entries;
  return {};
}

// Hooks that are in place get this object's programs; the maps are the same, so no packet notices.
Result<void> KernelDatapath::AdoptHooks() {
  auto attachments = Attachments();
  if (!attachments) return attachments.error();
  for (const Attachment& attachment : *attachments) {
    if (if_nametoindex(attachment.device.c_str()) != attachment.ifindex) continue;
    const XdpMode mode = attachment.xdp == PM_XDP_GENERIC ? XdpMode::kGeneric : XdpMode::kNative;
    if (auto hooked = Attach(attachment.device, attachment.number, mode); !hooked)
      return hooked.error();
  }
  return {};
}

// ---- Names and numbers ----

Result<std::map<uint32_t, pm_rule_name>> KernelDatapath::ReadRuleNames() const {
  auto slots = map("names").Keys<uint32_t>();
  if (!slots) return slots.error();
  std::map<uint32_t, pm_rule_name> names;
  for (const uint32_t slot : *slots) {
    auto name = map("names").Lookup<uint32_t, pm_rule_name>(slot);
    if (!name) return name.error();
    if (*name) names.emplace(slot, **name);
  }
  return names;
}

Result<std::vector<pm_owner_name>> KernelDatapath::ReadOwnerNames() const {
  std::vector<pm_owner_name> owners(PM_OWNERS);
  for (uint32_t i = 0; i < PM_OWNERS; ++i) {
    auto owner = map("owners").Lookup<uint32_t, pm_owner_name>(i);
    if (!owner) return owner.error();
    if (*owner) owners[i] = **owner;
  }
  return owners;
}

Result<Numbering> KernelDatapath::ReadNumbering() {
  Numbering numbering;
  auto names = ReadRuleNames();
  if (!names) return names.error();
  for (const auto& [slot, name] : *names)
    numbering.rules.emplace(RuleIdentity{TextOf(name.key), static_cast<Direction>(name.direction)},
                            slot);
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
  return numbering;
}

Result<void> KernelDatapath::NameRules(uint32_t slot, const Generation& generation,
                                       const Numbering& numbering) {
  auto names = ReadRuleNames();
  if (!names) return names.error();
  std::map<uint32_t, uint32_t> positions;  // counter slot to position in this generation
  for (uint32_t i = 0; i < generation.rules.size(); ++i)
    positions[numbering.rules.at(generation.rules[i])] = i + 1;
  for (const RuleIdentity& rule : generation.rules) {
    const uint32_t counter = numbering.rules.at(rule);
    if (names->contains(counter)) continue;
    pm_rule_name name{};
    CopyText(rule.key, name.key);
    const std::string interface = rule.key.substr(0, rule.key.find('/'));
    name.owner = static_cast<uint16_t>(numbering.interfaces.at(interface));
    name.direction = static_cast<uint8_t>(rule.direction);
    name.position[slot] = UINT32_MAX;  // written below in any case
    names->emplace(counter, name);
  }
  for (auto& [counter, name] : *names) {
    const auto found = positions.find(counter);
    const uint32_t position = found == positions.end() ? 0 : found->second;
    if (name.position[slot] == position) continue;
    name.position[slot] = position;
    if (auto written = map("names").Update(counter, name); !written) return written;
  }
  return {};
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
  auto maps = MakeImageMaps(generation.image);
  if (!maps) return maps.error();
  for (const BpfMap& table : maps->tables)
    if (auto pinned = pins_.Pin(
            table.fd(), pins_.Map("slot-" + std::to_string(slot) + "-" + table.name()), false);
        !pinned)
      return pinned;
  for (const BpfMap* trie : {&maps->prefixes4, &maps->prefixes6})
    if (auto pinned = pins_.Pin(
            trie->fd(), pins_.Map("slot-" + std::to_string(slot) + "-" + trie->name()), false);
        !pinned)
      return pinned;
  const OuterMaps outer{map("tables").fd(), map("prefixes4").fd(), map("prefixes6").fd()};
  if (auto published = Publish(*maps, slot, outer); !published) return published;
  if (auto named = NameRules(slot, generation, numbering); !named) return named;
  if (auto named = NameOwners(slot, generation, numbering); !named) return named;
  return map("generations").Update(slot, generation.record);
}

Result<void> KernelDatapath::WaitForPrograms() {
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
  return {};
}

Result<void> KernelDatapath::Retire(const std::vector<RuleIdentity>& rules) {
  auto names = ReadRuleNames();
  if (!names) return names.error();
  std::map<RuleIdentity, uint32_t> slots;
  for (const auto& [slot, name] : *names)
    slots.emplace(RuleIdentity{TextOf(name.key), static_cast<Direction>(name.direction)}, slot);
  for (const RuleIdentity& rule : rules) {
    const auto found = slots.find(rule);
    if (found == slots.end()) continue;
    if (auto retired = RetireOne(found->second, names->at(found->second)); !retired) return retired;
  }
  return {};
}

Result<void> KernelDatapath::RetireOne(uint32_t slot, const pm_rule_name& name) {
  const auto processors = static_cast<size_t>(PossibleProcessors());
  std::vector<pm_rule_counter> values(processors);
  if (bpf_map_lookup_elem(map("rule_counters").fd(), &slot, values.data()) != 0)
    return map("rule_counters").Failure("read from", errno);
  pm_seen_counter forward{}, reply{};
  for (const pm_rule_counter& value : values) {
    forward.packets += value.packets;
    forward.bytes += value.bytes;
    reply.packets += value.reply_packets;
    reply.bytes += value.reply_bytes;
  }
  // First the sum, then the slot: a crash between the two counts twice what it would otherwise
  // lose, and says so by the name that is still there; the retire that follows at the next start
  // would add again, so the name goes with the slot.
  const auto add = [&](uint32_t direction, const pm_seen_counter& more) -> Result<void> {
    const uint32_t index = name.owner * uint32_t{PM_DIRECTIONS} + direction;
    auto total = map("retired").Lookup<uint32_t, pm_seen_counter>(index);
    if (!total) return total.error();
    pm_seen_counter sum = total->value_or(pm_seen_counter{});
    sum.packets += more.packets;
    sum.bytes += more.bytes;
    return map("retired").Update(index, sum);
  };
  if (auto added = add(name.direction, forward); !added) return added;
  if (auto added = add(name.direction ^ 1u, reply); !added) return added;
  const std::vector<pm_rule_counter> zeros(processors);
  if (bpf_map_update_elem(map("rule_counters").fd(), &slot, zeros.data(), BPF_ANY) != 0)
    return map("rule_counters").Failure("clear a slot of", errno);
  return map("names").Delete(slot);
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
  // Written first, so that no packet meets a hook whose device has no number.
  if (auto written = map("devices").Update(ifindex, number); !written) return written.error();

  const Programs programs{xdp_program_.get(), tc_program_.get()};
  auto receive = HookReceive(pins_, device, ifindex, mode, programs);
  if (!receive) return receive.error();
  auto send = HookSend(pins_, device, ifindex, programs);
  if (!send) {
    UnhookReceive(pins_, device);
    return send.error();
  }
  pm_attachment attachment{};
  CopyText(device, attachment.device);
  attachment.ifindex = ifindex;
  attachment.xdp_mode = static_cast<uint8_t>(*receive);
  attachment.tc_kind = static_cast<uint8_t>(send->kind);
  attachment.tc_handle = send->handle;
  attachment.tc_priority = send->priority;
  const bool same = *before && (*before)->ifindex == ifindex;
  attachment.attached_at = same ? (*before)->attached_at : RealTime();
  if (auto written = map("attachments").Update(number, attachment); !written)
    return written.error();
  if (*before && (*before)->ifindex != 0 && (*before)->ifindex != ifindex)
    if (auto gone = map("devices").Delete((*before)->ifindex); !gone) return gone.error();
  return Attachment{device, number, ifindex, *receive, send->kind};
}

Result<void> KernelDatapath::Detach(const std::string& device) {
  auto attachments = Attachments();
  if (!attachments) return attachments.error();
  for (const Attachment& attachment : *attachments) {
    if (attachment.device != device) continue;
    auto record = map("attachments").Lookup<uint32_t, pm_attachment>(attachment.number);
    if (!record) return record.error();
    UnhookReceive(pins_, device);
    UnhookSend(pins_, device, attachment.ifindex,
               {static_cast<pm_tc_kind>((*record)->tc_kind), (*record)->tc_handle,
                (*record)->tc_priority});
    if (auto cleared = map("attachments").Update(attachment.number, pm_attachment{}); !cleared)
      return cleared;
    return map("devices").Delete(attachment.ifindex);
  }
  return {};
}

Result<std::vector<Attachment>> KernelDatapath::Attachments() {
  std::vector<Attachment> attachments;
  for (uint32_t number = 0; number < PM_MAX_DEVICES; ++number) {
    auto record = map("attachments").Lookup<uint32_t, pm_attachment>(number);
    if (!record) return record.error();
    if (!*record || (*record)->ifindex == 0) continue;
    attachments.push_back({TextOf((*record)->device), number, (*record)->ifindex,
                           static_cast<pm_xdp_mode>((*record)->xdp_mode),
                           static_cast<pm_tc_kind>((*record)->tc_kind)});
  }
  return attachments;
}

Result<void> KernelDatapath::Verify(const Attachment& attachment) {
  const uint32_t ifindex = if_nametoindex(attachment.device.c_str());
  if (ifindex == 0) return Error{"find device", attachment.device, ENODEV, ""};
  if (ifindex != attachment.ifindex)
    return Error{"find the hooks of", attachment.device, ENODEV,
                 "the name belongs to another device now"};
  auto record = map("attachments").Lookup<uint32_t, pm_attachment>(attachment.number);
  if (!record) return record.error();
  const pm_attachment found = record->value_or(pm_attachment{});
  if (auto held = CheckReceive(pins_, attachment.device, ifindex); !held) return held;
  return CheckSend(pins_, attachment.device, ifindex,
                   {static_cast<pm_tc_kind>(found.tc_kind), found.tc_handle, found.tc_priority});
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
