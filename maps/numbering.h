// SPDX-License-Identifier: Apache-2.0
// The stable numbers by which the kernel knows what a policy names: counter slots of rules, owner
// numbers of interfaces, device numbers. A name keeps its number as long as anything may still
// count under it.
#ifndef PORTMATRIX_MAPS_NUMBERING_H_
#define PORTMATRIX_MAPS_NUMBERING_H_

#include <compare>
#include <cstdint>
#include <map>
#include <string>

#include "maps/layout.h"

namespace portmatrix {

enum class Direction : uint8_t { kIn = PM_IN, kOut = PM_OUT };

// How a device's receive hook may be attached: by the driver, by the stack, or by the driver if it
// can.
enum class XdpMode : uint8_t { kNative, kGeneric, kAny };

// What a counter slot belongs to: a `both` rule has two.
struct RuleIdentity {
  std::string key;  // interface/matrix/id
  Direction direction = Direction::kIn;
  auto operator<=>(const RuleIdentity&) const = default;
};

struct Numbering {
  std::map<RuleIdentity, uint32_t> rules;
  std::map<std::string, uint32_t> interfaces;  // below PM_MAX_INTERFACES
  std::map<std::string, uint32_t> devices;     // below PM_MAX_DEVICES
  std::map<std::string, uint32_t> live_sets;   // below PM_MAX_LIVE_SETS
};

// How many numbers of each kind the maps hold.
struct NumberingLimits {
  uint32_t rules = 0;
  uint32_t interfaces = PM_MAX_INTERFACES;
  uint32_t devices = PM_MAX_DEVICES;
  uint32_t live_sets = PM_MAX_LIVE_SETS;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_MAPS_NUMBERING_H_
