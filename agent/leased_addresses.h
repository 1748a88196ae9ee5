// SPDX-License-Identifier: Apache-2.0
// The addresses of this host that somebody must renew, as the kernel knows them (rtnetlink,
// RTM_GETADDR).
#ifndef PORTMATRIX_AGENT_LEASED_ADDRESSES_H_
#define PORTMATRIX_AGENT_LEASED_ADDRESSES_H_

#include <vector>

#include "agent/datapath/result.h"
#include "agent/guards.h"

namespace portmatrix {

// Those with an end to their life. IPv6 addresses are told apart by what brings them: DHCPv6 gives
// whole addresses (/128), router advertisements prefixes.
Result<std::vector<LeasedAddress>> ReadLeasedAddresses();

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_LEASED_ADDRESSES_H_
