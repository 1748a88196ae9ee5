// SPDX-License-Identifier: Apache-2.0
// An image as kernel maps: made, filled and frozen before anybody sees them, then published to a
// slot of the outer maps.
#ifndef PORTMATRIX_AGENT_DATAPATH_IMAGE_MAPS_H_
#define PORTMATRIX_AGENT_DATAPATH_IMAGE_MAPS_H_

#include <array>
#include <cstdint>

#include "agent/datapath/bpf_map.h"
#include "agent/datapath/result.h"
#include "maps/image.h"

namespace portmatrix {

// By enum pm_table, and of the two tries (IPv4, IPv6); a slot's maps are pinned as `slot-N-NAME`.
inline constexpr const char* kTableNames[PM_TABLE_COUNT] = {
    "pm_devices", "pm_interfaces", "pm_axes", "pm_pairs", "pm_trees", "pm_rules"};
inline constexpr const char* kTrieNames[] = {"pm_prefixes4", "pm_prefixes6"};

struct ImageMaps {
  std::array<BpfMap, PM_TABLE_COUNT> tables;
  BpfMap prefixes4;
  BpfMap prefixes6;
};

Result<ImageMaps> MakeImageMaps(const Image& image);

// Descriptors of the outer maps.
struct OuterMaps {
  int tables = -1;
  int prefixes4 = -1;
  int prefixes6 = -1;
};

// From here on programs that the control word sends to `slot` find these maps. Three updates of
// maps in maps, so three waits for a grace period where the kernel waits.
Result<void> Publish(const ImageMaps& maps, uint32_t slot, const OuterMaps& outer);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_DATAPATH_IMAGE_MAPS_H_
