// SPDX-License-Identifier: Apache-2.0
// The map `devices`: the number of each hooked device by its ifindex (maps/layout.h, "Devices").
#ifndef PORTMATRIX_AGENT_DATAPATH_DEVICE_NUMBERS_H_
#define PORTMATRIX_AGENT_DATAPATH_DEVICE_NUMBERS_H_

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "agent/datapath/shared_value.h"
#include "maps/layout.h"

namespace portmatrix {

// Owns a mapping of the map. One thread of one process writes; packets may look meanwhile, and find
// an entry as it was or as it is.
class DeviceNumbers {
 public:
  static Result<DeviceNumbers> Map(int fd);
  DeviceNumbers() = default;

  std::optional<uint32_t> Find(uint32_t ifindex) const;
  // ENOSPC where all places that the program looks at are taken by others.
  Result<void> Put(uint32_t ifindex, uint32_t number);
  void Remove(uint32_t ifindex);
  std::vector<uint32_t> Indices() const;

 private:
  explicit DeviceNumbers(SharedValue<pm_device_places> places) : places_(std::move(places)) {}

  // Among the places that the program looks at for `ifindex`, the first that has `wanted`, which is
  // zero for an empty one; null if none has.
  volatile __u64* PlaceOf(uint32_t ifindex, uint32_t wanted) const;

  SharedValue<pm_device_places> places_;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_DATAPATH_DEVICE_NUMBERS_H_
