// SPDX-License-Identifier: Apache-2.0
// The send hook of kernels before 6.6: a filter on the clsact qdisc. It belongs to nobody: anyone
// with `tc` can delete it, replace it or put another before it, so each is looked for. Filters are
// known by their programs' name.
#ifndef PORTMATRIX_AGENT_DATAPATH_CLSACT_H_
#define PORTMATRIX_AGENT_DATAPATH_CLSACT_H_

#include <cstdint>
#include <string>

#include "agent/datapath/result.h"

namespace portmatrix {

struct ClsactFilter {
  uint32_t priority = 0;
  uint32_t handle = 0;
};

// Puts the program first on the device's clsact hook, in place of an earlier one of ours.
Result<ClsactFilter> HookClsact(const std::string& device, uint32_t ifindex, int program,
                                uint32_t program_id);
// Is the program there, before all others?
Result<void> CheckClsact(const std::string& device, uint32_t ifindex, uint32_t program_id);
// Takes our filters off, and no other's.
void UnhookClsact(uint32_t ifindex);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_DATAPATH_CLSACT_H_
