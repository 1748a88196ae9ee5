// SPDX-License-Identifier: Apache-2.0
#include "agent/datapath/live_set_maps.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace portmatrix {
namespace {

constexpr uint32_t kFamilyBits = 32;

pm_live_key KeyOf(const Prefix& prefix) {
  pm_live_key key{};
  key.bits = kFamilyBits + prefix.length;
  key.family = static_cast<uint32_t>(prefix.address.family);
  std::ranges::copy(prefix.address.bytes, key.address);
  return key;
}

Prefix PrefixOf(const pm_live_key& key) {
  Prefix prefix;
  prefix.address.family = static_cast<Family>(key.family);
  std::ranges::copy(key.address, prefix.address.bytes.begin());
  prefix.length = static_cast<uint8_t>(key.bits - kFamilyBits);
  return prefix;
}

Result<BpfMap> MakeMap(bpf_map_type type, const char* name, uint32_t capacity) {
  LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_NO_PREALLOC);
  BpfMap map(name, FileDescriptor(bpf_map_create(type, name, sizeof(pm_live_key),
                                                 sizeof(pm_live_entry), capacity, &options)));
  if (!map.valid()) return map.Failure("create", errno);
  return map;
}

}  // namespace

Result<LiveSetMaps> LiveSetMaps::Make(uint32_t capacity) {
  auto hosts = MakeMap(BPF_MAP_TYPE_HASH, "pm_live_hosts", capacity);
  if (!hosts) return hosts.error();
  auto prefixes = MakeMap(BPF_MAP_TYPE_LPM_TRIE, "pm_live_prefix", capacity);
  if (!prefixes) return prefixes.error();
  return LiveSetMaps(std::move(*hosts), std::move(*prefixes));
}

Result<LiveSetMaps> LiveSetMaps::Adopt(BpfMap hosts, BpfMap prefixes) {
  LiveSetMaps maps(std::move(hosts), std::move(prefixes));
  auto found = maps.hosts_.ReadAll<pm_live_key, pm_live_entry>();
  if (!found) return found.error();
  for (const auto& [key, value] : *found) maps.TakeUp(key, value);
  // One by one: a batch of a trie continues behind a key, that of a hash map behind a number.
  auto keys = maps.prefixes_.Keys<pm_live_key>();
  if (!keys) return keys.error();
  for (const pm_live_key& key : *keys) {
    auto value = maps.prefixes_.Lookup<pm_live_key, pm_live_entry>(key);
    if (!value) return value.error();
    if (*value) maps.TakeUp(key, **value);
  }
  return maps;
}

void LiveSetMaps::TakeUp(const pm_live_key& key, const pm_live_entry& value) {
  entries_.Put(PrefixOf(key), {value.own_until, value.added_at, value.uid});
}

Result<void> LiveSetMaps::Write(const Prefix& prefix) const {
  const LiveEntry& entry = entries_.all().at(prefix);
  pm_live_entry value{};
  value.own_until = entry.until;
  value.until = IsHost(prefix) ? entry.until : entries_.Until(prefix);
  value.added_at = entry.added_at;
  value.uid = entry.uid;
  return (IsHost(prefix) ? hosts_ : prefixes_).Update(KeyOf(prefix), value);
}

// The entries inside say until when those around them count.
Result<void> LiveSetMaps::WriteWithin(const Prefix& prefix, const Prefix* but) const {
  if (IsHost(prefix)) return {};
  for (const Prefix& inner : entries_.Within(prefix)) {
    if (but != nullptr && inner == *but) continue;
    if (auto written = Write(inner); !written) return written;
  }
  return {};
}

Result<void> LiveSetMaps::Put(const Prefix& prefix, const LiveEntry& entry) {
  const auto known = entries_.all().find(prefix);
  const bool was_there = known != entries_.all().end();
  const LiveEntry before = was_there ? known->second : LiveEntry{};
  entries_.Put(prefix, entry);
  if (Result<void> written = Write(prefix); !written) {
    if (was_there)
      entries_.Put(prefix, before);
    else
      entries_.Erase(prefix);
    return written;
  }
  return WriteWithin(prefix, &prefix);
}

Result<void> LiveSetMaps::Erase(const Prefix& prefix) {
  if (!entries_.Erase(prefix)) return {};
  if (auto written = WriteWithin(prefix, nullptr); !written) return written;
  return (IsHost(prefix) ? hosts_ : prefixes_).Delete(KeyOf(prefix));
}

Result<void> LiveSetMaps::Publish(uint32_t number, int outer_hosts, int outer_prefixes) const {
  for (const auto& [outer, map] : {std::pair{outer_hosts, &hosts_}, {outer_prefixes, &prefixes_}}) {
    const int inner = map->fd();
    if (bpf_map_update_elem(outer, &number, &inner, BPF_ANY) != 0)
      return map->Failure("publish", errno);
  }
  return {};
}

}  // namespace portmatrix
