// SPDX-License-Identifier: Apache-2.0
// The policy that judges now, as `replay` asks it: its tables out of the pins, its rules out of the
// files that the agent stored.
#ifndef PORTMATRIX_TOOLS_POLICY_IN_FORCE_H_
#define PORTMATRIX_TOOLS_POLICY_IN_FORCE_H_

#include "agent/datapath/pinned_image.h"
#include "maps/numbering.h"
#include "tools/policy_choice.h"

namespace portmatrix {

// Reads what --pin_root and --state_dir hold, and finds --interface in it. Says on stderr what is
// wrong. kExitOk, kExitFailure, kExitUsage or kExitNotPermitted.
int ChoosePolicyInForce(const Command& command, PolicyChoice* choice, PinnedImage* pinned);

// The numbers in its image.
Numbering NumberingOf(const PinnedImage& pinned);

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_POLICY_IN_FORCE_H_
