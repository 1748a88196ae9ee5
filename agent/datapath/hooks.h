// SPDX-License-Identifier: Apache-2.0
// The two hooks of a device: XDP on receive by a pinned link, TC on send by a pinned TCX link or,
// on kernels before 6.6, by a clsact filter. Links survive the agent; so does a clsact filter,
// which anyone with `tc` can delete.
#ifndef PORTMATRIX_AGENT_DATAPATH_HOOKS_H_
#define PORTMATRIX_AGENT_DATAPATH_HOOKS_H_

#include <cstdint>
#include <string>

#include "agent/datapath/held_links.h"
#include "agent/datapath/result.h"
#include "maps/layout.h"
#include "maps/numbering.h"

namespace portmatrix {

// A program to hook; the descriptor stays the caller's.
struct HookProgram {
  int fd = -1;
  uint32_t id = 0;
};

struct ReceiveHook {
  pm_xdp_mode mode = PM_XDP_NONE;
  bool made = false;  // it was not there before
};

struct SendHook {
  pm_tc_kind kind = PM_TC_NONE;
  uint32_t handle = 0;  // clsact only
  uint32_t priority = 0;
};

// Hook `device`, or take over what is there and give it this program. What holds the device by
// another of our pins (devices were renamed) is taken over as well. On failure what was there
// stays.
Result<ReceiveHook> HookReceive(HeldLinks& links, const std::string& device, uint32_t ifindex,
                                XdpMode mode, const HookProgram& program);
// `before`: the kind of hook that the device had.
Result<SendHook> HookSend(HeldLinks& links, const std::string& device, uint32_t ifindex,
                          pm_tc_kind before, const HookProgram& program);

void UnhookReceive(HeldLinks& links, const std::string& device);
void UnhookSend(HeldLinks& links, const std::string& device, uint32_t ifindex, pm_tc_kind kind);

// Does the program judge what this interface index receives, or sends, before any other? ESTALE: it
// does, but the pin is gone.
Result<void> CheckReceive(HeldLinks& links, const std::string& device, uint32_t ifindex,
                          uint32_t program_id);
Result<void> CheckSend(HeldLinks& links, const std::string& device, uint32_t ifindex,
                       pm_tc_kind kind, uint32_t program_id);

// Of a hook that was found good: what rtnetlink does not tell of (links that are taken off or whose
// pin goes, TCX programs put before ours). It does tell of devices and of clsact filters.
bool ReceiveStillHolds(const HeldLinks& links, const std::string& device, uint32_t ifindex,
                       uint32_t program_id);
bool SendStillHolds(const HeldLinks& links, const std::string& device, uint32_t ifindex,
                    pm_tc_kind kind, uint32_t program_id);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_DATAPATH_HOOKS_H_
