// SPDX-License-Identifier: Apache-2.0
// VLAN tags that a device takes out of the frames it receives. It hands them over beside the frame,
// where an XDP program cannot see them: a tagged frame would be judged as an untagged one.
#ifndef PORTMATRIX_AGENT_DATAPATH_VLAN_OFFLOAD_H_
#define PORTMATRIX_AGENT_DATAPATH_VLAN_OFFLOAD_H_

#include <string>

#include "agent/datapath/result.h"

namespace portmatrix {

// Turns receive VLAN offload off, for 802.1Q and 802.1ad, where it is on. An error where it is on
// and stays on, or cannot be asked about; a device without such a feature is none.
Result<void> TurnOffReceiveVlanOffload(const std::string& device);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_DATAPATH_VLAN_OFFLOAD_H_
