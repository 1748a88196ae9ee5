// SPDX-License-Identifier: Apache-2.0
#include "agent/datapath/device_numbers.h"

#include <cerrno>
#include <string>
#include <utility>

namespace portmatrix {

Result<DeviceNumbers> DeviceNumbers::Map(int fd) {
  auto places = SharedValue<pm_device_places>::Map("devices", fd);
  if (!places) return places.error();
  return DeviceNumbers(std::move(*places));
}

volatile __u64* DeviceNumbers::PlaceOf(uint32_t ifindex, uint32_t wanted) const {
  for (uint32_t tried = 0; tried < PM_DEVICE_TRIES; ++tried) {
    volatile __u64* place = &places_.get()->place[(ifindex + tried) % PM_DEVICE_PLACES];
    if (PM_DEVICE_PLACE_IFINDEX(*place) == wanted) return place;
  }
  return nullptr;
}

std::optional<uint32_t> DeviceNumbers::Find(uint32_t ifindex) const {
  const volatile __u64* place = PlaceOf(ifindex, ifindex);
  if (place == nullptr) return std::nullopt;
  return PM_DEVICE_PLACE_NUMBER(*place);
}

Result<void> DeviceNumbers::Put(uint32_t ifindex, uint32_t number) {
  volatile __u64* place = PlaceOf(ifindex, ifindex);
  if (place == nullptr) place = PlaceOf(ifindex, 0);
  if (place == nullptr)
    return Error{"number the device of index", std::to_string(ifindex), ENOSPC,
                 "devices with like indices have taken all of its places"};
  *place = PM_DEVICE_PLACE(ifindex, number);
  return {};
}

void DeviceNumbers::Remove(uint32_t ifindex) {
  if (volatile __u64* place = PlaceOf(ifindex, ifindex)) *place = 0;
}

std::vector<uint32_t> DeviceNumbers::Indices() const {
  std::vector<uint32_t> indices;
  for (uint32_t i = 0; i < PM_DEVICE_PLACES; ++i) {
    const uint32_t ifindex = PM_DEVICE_PLACE_IFINDEX(places_.get()->place[i]);
    if (ifindex != 0) indices.push_back(ifindex);
  }
  return indices;
}

}  // namespace portmatrix
