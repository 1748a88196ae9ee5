// SPDX-License-Identifier: Apache-2.0
// Where the frames of one of this host's devices meet the wire: a VLAN device's on the one below
// it, tagged; a bond's or bridge's on each member. Policies bind those, addresses stand above.
#ifndef PORTMATRIX_AGENT_WIRE_PATH_H_
#define PORTMATRIX_AGENT_WIRE_PATH_H_

#include <cstdint>
#include <string>
#include <vector>

#include "agent/datapath/result.h"
#include "maps/address.h"

namespace portmatrix {

struct WirePath {
  std::string device;
  std::vector<uint16_t> tags;  // outermost first
  bool operator==(const WirePath&) const = default;
};

// A device as rtnetlink tells of it.
struct HostLink {
  uint32_t index = 0;
  std::string name;
  uint32_t master = 0;  // bond or bridge that it is a member of; zero: none
  uint32_t below = 0;   // of a VLAN device
  uint16_t vlan = 0;    // zero: it is none
};

// The paths of the device with that index, its own untagged one first. Pure.
std::vector<WirePath> PathsOf(uint32_t index, const std::vector<HostLink>& links);

Result<std::vector<HostLink>> ReadHostLinks();
// The paths that packets take between an address of this host and a remote one, by the routes as
// they are. Those of `lo` where both are this host's; empty where there is no route.
Result<std::vector<WirePath>> PathsBetween(const Address& own, const Address& remote);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_WIRE_PATH_H_
