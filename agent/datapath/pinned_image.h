// SPDX-License-Identifier: Apache-2.0
// The generation that judges now, read back from the pins as plain values, so that a simulation can
// judge by it. Needs root: the maps of a generation are its owner's. Changes nothing.
#ifndef PORTMATRIX_AGENT_DATAPATH_PINNED_IMAGE_H_
#define PORTMATRIX_AGENT_DATAPATH_PINNED_IMAGE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/datapath/result.h"
#include "maps/image.h"
#include "maps/layout.h"
#include "maps/numbering.h"

namespace portmatrix {

// Which slot judges, and what its numbers mean.
struct PinnedNames {
  uint64_t control = 0;
  uint32_t slot =
      0;  // that judges; behind a deadline, the one that the next packet will fall back to
  pm_generation generation{};
  // Names of the slot in the policy's order, and their numbers.
  std::vector<std::pair<std::string, uint32_t>> interfaces;
  std::vector<std::pair<std::string, uint32_t>> devices;
  std::map<uint32_t, RuleIdentity> rules;  // by counter slot, of every retained generation

  // Nothing is in force: hooks that are still there pass.
  bool detached() const { return PM_CONTROL_STATE(control) == PM_CONTROL_DETACHED; }
};

struct PinnedImage : PinnedNames {
  Image image;
};

// ENOENT if nothing is pinned under `pin_root`.
Result<PinnedNames> ReadPinnedNames(const std::string& pin_root);
// Without an image where it is detached.
Result<PinnedImage> ReadPinnedImage(const std::string& pin_root);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_DATAPATH_PINNED_IMAGE_H_
