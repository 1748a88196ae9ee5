// SPDX-License-Identifier: Apache-2.0
#include "agent/datapath/owner_names.h"

#include <cstring>
#include <string>
#include <vector>

#include "agent/datapath/fixed_text.h"

namespace portmatrix {
namespace {

Result<std::vector<pm_owner_name>> Names(const BpfMap& owners) {
  return owners.ReadArray<pm_owner_name>(PM_OWNERS);
}

}  // namespace

Result<void> ReadOwners(const BpfMap& map, Numbering* numbering) {
  auto owners = Names(map);
  if (!owners) return owners.error();
  for (uint32_t i = 0; i < PM_OWNERS; ++i) {
    const std::string name = TextOf((*owners)[i].name);
    if (name.empty()) continue;
    if (i < PM_MAX_INTERFACES)
      numbering->interfaces.emplace(name, i);
    else
      numbering->devices.emplace(name, i - PM_MAX_INTERFACES);
  }
  return {};
}

Result<void> NameOwners(const BpfMap& map, uint32_t slot, const Generation& generation,
                        const Numbering& numbering) {
  auto owners = Names(map);
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
    if (auto written = map.Update(i, next[i]); !written) return written;
  }
  return {};
}

}  // namespace portmatrix
