// SPDX-License-Identifier: Apache-2.0
// What a policy must not do to the one who brings it: cut the session through which it came, or
// starve the machine of its own addresses. Pure; `apply --force` overrides.
#ifndef PORTMATRIX_AGENT_GUARDS_H_
#define PORTMATRIX_AGENT_GUARDS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "agent/policy/model.h"
#include "maps/address.h"

namespace portmatrix {

// A TCP connection to this host, as SSH_CONNECTION tells of it.
struct Session {
  Address from;
  uint16_t from_port = 0;
  Address to;
  uint16_t to_port = 0;
};

// Why its packets would drop, one line for each interface that has `to` as a local address; empty
// if they would pass, or if no interface has it.
std::vector<std::string> WouldCut(const Node& node, const Session& session);

// An address of this host that goes unless somebody renews it.
struct LeasedAddress {
  enum class By { kDhcp, kRouterAdvertisement };
  std::string device;
  Address address;
  By by = By::kDhcp;
};

// Why an address would not be renewed, one line for each.
std::vector<std::string> WouldExpire(const Node& node, const std::vector<LeasedAddress>& addresses);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_GUARDS_H_
