// SPDX-License-Identifier: Apache-2.0
// What a policy must not do to the one who brings it: cut the session through which it came, or
// starve the machine of its own addresses. Pure; `apply --force` overrides.
#ifndef PORTMATRIX_AGENT_GUARDS_H_
#define PORTMATRIX_AGENT_GUARDS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "agent/policy/model.h"
#include "agent/wire_path.h"
#include "maps/address.h"

namespace portmatrix {

// A TCP connection to this host, as SSH_CONNECTION tells of it.
struct Session {
  Address from;
  uint16_t from_port = 0;
  Address to;
  uint16_t to_port = 0;
  std::vector<WirePath> paths = {};  // that its packets take, as far as routes tell
};

// Does a live set hold the address? None: all are empty.
using HoldsLive = std::function<bool(const std::string& set, const Address& address)>;

// Why its packets would drop and what is missing, one line for each interface through which they
// may come: those that have `to` as a local address, and those of its paths. Empty if they would
// pass, if no interface is concerned, or if the session does not leave the host.
std::vector<std::string> WouldCut(const Node& node, const Session& session,
                                  const HoldsLive& holds = nullptr);

// An address of this host that goes unless somebody renews it.
struct LeasedAddress {
  enum class By { kDhcp, kRouterAdvertisement };
  std::string device;
  Address address;
  By by = By::kDhcp;
  std::vector<WirePath> paths = {};  // of the device; empty: its own alone
};

// Why an address would not be renewed, one line for each.
std::vector<std::string> WouldExpire(const Node& node, const std::vector<LeasedAddress>& addresses);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_GUARDS_H_
