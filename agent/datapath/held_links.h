// SPDX-License-Identifier: Apache-2.0
// The links that hold the hooks of this pin root's devices. Each is pinned, so that it outlives the
// agent, and held open too, so that a pin which somebody deletes takes no hook off and can be put
// back.
#ifndef PORTMATRIX_AGENT_DATAPATH_HELD_LINKS_H_
#define PORTMATRIX_AGENT_DATAPATH_HELD_LINKS_H_

#include <cstdint>
#include <map>
#include <string>

#include "agent/datapath/file_descriptor.h"
#include "agent/datapath/pins.h"
#include "agent/datapath/result.h"

namespace portmatrix {

inline constexpr char kXdpLinks[] = "xdp";
inline constexpr char kTcLinks[] = "tc";

struct FoundLink {
  enum class Place { kNone, kHere, kElsewhere };
  Place place = Place::kNone;
  int fd = -1;  // the owner's
  uint32_t program_id = 0;
  bool pinned = false;
};

class HeldLinks {
 public:
  // `pins` outlives this.
  explicit HeldLinks(const Pins& pins) : pins_(pins) {}

  // The link of the device's hook, and whether it is on `ifindex`. An index is of one network
  // namespace: a device that was moved away may have the same one.
  FoundLink Find(const std::string& hook, const std::string& device, uint32_t ifindex);
  // The same of the link that is held, without opening its pin.
  FoundLink Held(const std::string& hook, const std::string& device, uint32_t ifindex) const;
  // Pins and holds a new link; the one before it goes after that.
  Result<void> Keep(const std::string& hook, const std::string& device, FileDescriptor link);
  // Pins again what is held.
  Result<void> PinAgain(const std::string& hook, const std::string& device);
  // Takes the hook off, whoever else holds the link.
  void Drop(const std::string& hook, const std::string& device);
  // Where another device's pin holds the link that is on `ifindex`: the two change names. (Devices
  // were renamed.)
  bool TakeOver(const std::string& hook, const std::string& device, uint32_t ifindex);
  // Does any pin hold a link that is on `ifindex`?
  bool AnyOn(const std::string& hook, uint32_t ifindex);

 private:
  std::string PinOn(const std::string& hook, uint32_t ifindex);

  const Pins& pins_;
  std::map<std::string, FileDescriptor> held_;  // by the pin's path
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_DATAPATH_HELD_LINKS_H_
