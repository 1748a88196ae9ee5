// SPDX-License-Identifier: Apache-2.0
// The two hooks of a device: XDP on receive by a pinned link, TC on send by a pinned TCX link or,
// on kernels before 6.6, by a clsact filter. Links survive the agent; so does a clsact filter,
// which anyone with `tc` can delete.
#ifndef PORTMATRIX_AGENT_DATAPATH_HOOKS_H_
#define PORTMATRIX_AGENT_DATAPATH_HOOKS_H_

#include <cstdint>
#include <string>

#include "agent/datapath/pins.h"
#include "agent/datapath/result.h"
#include "maps/layout.h"
#include "maps/numbering.h"

namespace portmatrix {

// Descriptors of the programs to hook; they stay the caller's.
struct Programs {
  int xdp = -1;
  int tc = -1;
};

struct TcHook {
  pm_tc_kind kind = PM_TC_NONE;
  uint32_t handle = 0;  // clsact only
  uint32_t priority = 0;
};

// Hook `device`, or take over the link that is pinned for it and give it these programs.
Result<pm_xdp_mode> HookReceive(const Pins& pins, const std::string& device, uint32_t ifindex,
                                XdpMode mode, const Programs& programs);
Result<TcHook> HookSend(const Pins& pins, const std::string& device, uint32_t ifindex,
                        const Programs& programs);

void UnhookReceive(const Pins& pins, const std::string& device);
void UnhookSend(const Pins& pins, const std::string& device, uint32_t ifindex, const TcHook& hook);

// Is the hook in place on this interface index?
Result<void> CheckReceive(const Pins& pins, const std::string& device, uint32_t ifindex);
Result<void> CheckSend(const Pins& pins, const std::string& device, uint32_t ifindex,
                       const TcHook& hook);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_DATAPATH_HOOKS_H_
