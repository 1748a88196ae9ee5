// SPDX-License-Identifier: Apache-2.0
#include "agent/datapath/live_set_table.h"

#include <bpf/bpf.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace portmatrix {
namespace {

constexpr const char* kHosts = "hosts";
constexpr const char* kPrefixes = "prefixes";

std::string PinName(uint32_t number, const char* part) {
  return "live-" + std::to_string(number) + "-" + part;
}

// The map that programs find at a place of an outer map, by its pin or else by its id. Nothing:
// there is none.
Result<std::optional<BpfMap>> OpenInner(const Pins& pins, const BpfMap& outer, uint32_t number,
                                        const char* part) {
  auto id = outer.Lookup<uint32_t, uint32_t>(number);
  if (!id) return id.error();
  if (!*id) return std::optional<BpfMap>();
  auto pinned = BpfMap::OpenPinned(part, pins.Map(PinName(number, part)), false);
  if (pinned) {
    bpf_map_info described{};
    uint32_t size = sizeof described;
    if (bpf_obj_get_info_by_fd(pinned->fd(), &described, &size) != 0)
      return pinned->Failure("describe", errno);
    if (described.id == **id) return std::optional<BpfMap>(std::move(*pinned));
  }
  FileDescriptor fd(bpf_map_get_fd_by_id(**id));
  if (!fd.valid())
    return Error{"open", "the entries of live set " + std::to_string(number), errno,
                 "their pin is gone"};
  return std::optional<BpfMap>(BpfMap(part, std::move(fd)));
}

std::string NameOf(const pm_live_set& record) {
  return std::string(record.name, strnlen(record.name, sizeof record.name));
}

}  // namespace

std::string LiveSetTable::PinOf(uint32_t number, const char* part) const {
  return pins_.Map(PinName(number, part));
}

Result<std::optional<LiveSetMaps>> LiveSetTable::Open(uint32_t number) const {
  auto hosts = OpenInner(pins_, hosts_, number, kHosts);
  if (!hosts) return hosts.error();
  auto prefixes = OpenInner(pins_, prefixes_, number, kPrefixes);
  if (!prefixes) return prefixes.error();
  if (!*hosts || !*prefixes) return std::optional<LiveSetMaps>();
  auto maps = LiveSetMaps::Adopt(std::move(**hosts), std::move(**prefixes));
  if (!maps) return maps.error();
  return std::optional<LiveSetMaps>(std::move(*maps));
}

Result<void> LiveSetTable::Adopt() {
  for (uint32_t number = 0; number < PM_MAX_LIVE_SETS; ++number) {
    auto record = names_.Lookup<uint32_t, pm_live_set>(number);
    if (!record) return record.error();
    const std::string name = *record ? NameOf(**record) : "";
    if (name.empty()) continue;
    auto maps = Open(number);
    if (!maps) return maps.error();
    if (!*maps) continue;  // it is provided anew
    numbers_.emplace(name, number);
    sets_.emplace(number, Set{std::move(**maps), (*record)->capacity});
  }
  return {};
}

Result<void> LiveSetTable::Put(const std::string& name, uint32_t number, LiveSetMaps maps,
                               uint32_t capacity) {
  if (auto done = Pins::Pin(maps.hosts().fd(), PinOf(number, kHosts), false); !done) return done;
  if (auto done = Pins::Pin(maps.prefixes().fd(), PinOf(number, kPrefixes), false); !done)
    return done;
  if (auto done = maps.Publish(number, hosts_.fd(), prefixes_.fd()); !done) return done;
  // The name stands last: without it the number is nobody's.
  pm_live_set record{};
  name.copy(record.name, PM_NAME_BYTES - 1);
  record.capacity = capacity;
  if (auto done = names_.Update(number, record); !done) return done;
  numbers_[name] = number;
  sets_.insert_or_assign(number, Set{std::move(maps), capacity});
  return {};
}

Result<void> LiveSetTable::Provide(const std::string& name, uint32_t number, uint32_t capacity) {
  const auto known = sets_.find(number);
  if (known != sets_.end() && known->second.capacity >= capacity) return {};
  auto made = LiveSetMaps::Make(capacity);
  if (!made) return made.error();
  if (known != sets_.end())
    for (const auto& [prefix, entry] : known->second.maps.entries().all())
      if (auto copied = made->Put(prefix, entry); !copied) return copied;
  return Put(name, number, std::move(*made), capacity);
}

Result<void> LiveSetTable::Forget(const std::string& name) {
  const auto known = numbers_.find(name);
  if (known == numbers_.end()) return {};
  const uint32_t number = known->second;
  if (auto done = names_.Update(number, pm_live_set{}); !done) return done;
  for (const BpfMap* outer : {&hosts_, &prefixes_})
    if (auto done = outer->Delete(number); !done) return done;
  for (const char* part : {kHosts, kPrefixes}) unlink(PinOf(number, part).c_str());
  sets_.erase(number);
  numbers_.erase(known);
  return {};
}

LiveSetMaps* LiveSetTable::Find(uint32_t number) {
  const auto found = sets_.find(number);
  return found == sets_.end() ? nullptr : &found->second.maps;
}

const LiveSetMaps* LiveSetTable::Find(uint32_t number) const {
  return const_cast<LiveSetTable*>(this)->Find(number);
}

uint32_t LiveSetTable::capacity(uint32_t number) const {
  const auto found = sets_.find(number);
  return found == sets_.end() ? 0 : found->second.capacity;
}

Result<std::map<uint32_t, std::vector<Prefix>>> ReadPinnedLiveSets(const std::string& pin_root,
                                                                   uint64_t now) {
  const Pins pins(pin_root);
  std::map<uint32_t, std::vector<Prefix>> content;
  std::map<std::string, BpfMap> maps;
  for (const char* name : {"live_sets", "live_hosts", "live_prefixes"}) {
    auto map = BpfMap::OpenPinned(name, pins.Map(name), true);
    // Pinned by an agent that knew no live sets.
    if (!map && map.error().code == ENOENT) return content;
    if (!map) return map.error();
    maps.emplace(name, std::move(*map));
  }
  LiveSetTable table(pins, maps.at("live_sets"), maps.at("live_hosts"), maps.at("live_prefixes"));
  if (auto adopted = table.Adopt(); !adopted) return adopted.error();
  for (const auto& [name, number] : table.numbers())
    for (const auto& [prefix, entry] : table.Find(number)->entries().all())
      if (now < entry.until) content[number].push_back(prefix);
  return content;
}

}  // namespace portmatrix
