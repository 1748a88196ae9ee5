// SPDX-License-Identifier: Apache-2.0
// The devices of this pin root: which is hooked, under which number, and by which program. The maps
// `attachments` and `devices` are the record of it, which the program and every reader share.
#ifndef PORTMATRIX_AGENT_DATAPATH_HOOKED_DEVICES_H_
#define PORTMATRIX_AGENT_DATAPATH_HOOKED_DEVICES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "agent/datapath/bpf_map.h"
#include "agent/datapath/datapath.h"
#include "agent/datapath/device_numbers.h"
#include "agent/datapath/held_links.h"
#include "agent/datapath/hooks.h"

namespace portmatrix {

// The maps are their owner's, and outlive this.
struct DeviceMaps {
  const BpfMap& attachments;
  DeviceNumbers& devices;
};

class HookedDevices {
 public:
  // `pins` outlives this. Without programs devices can be listed and detached, not attached.
  HookedDevices(const Pins& pins, const DeviceMaps& maps, const HookProgram& receive,
                const HookProgram& send)
      : maps_(maps), links_(pins), receive_(receive), send_(send) {}

  // Hooks that are in place get these programs; the maps are the same, so no packet notices. A
  // device that cannot be hooked is no error: Verify tells of it.
  Result<void> Adopt();
  Result<Attachment> Attach(const std::string& device, uint32_t number, XdpMode mode);
  Result<void> Detach(const std::string& device);
  Result<std::vector<Attachment>> All() const;
  Result<void> Verify(const Attachment& attachment);
  // The quick question of Datapath::StillHolds.
  bool StillHolds(const Attachment& attachment) const;
  // Drops the entries in `devices` of what nothing hooks any more: once no packet can still be on
  // its way through a hook.
  Result<void> ForgetUnhooked();

 private:
  Result<void> Hook(const std::string& device, XdpMode mode, pm_attachment* attachment);
  void ForgetIndex(uint32_t ifindex, uint32_t number);

  DeviceMaps maps_;
  HeldLinks links_;
  HookProgram receive_, send_;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_DATAPATH_HOOKED_DEVICES_H_
