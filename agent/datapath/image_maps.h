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

// By enum pm_table; a slot's maps are pinned as `slot-N-NAME`.
inline constexpr const char* kTableNames[PM_TABLE_COUNT] = {
    "pm_devices", "pm_interfaces", "pm_axes",       "pm_pairs",   "pm_trees",
    "pm_rules",   "pm_addresses",  "pm_addr_trees", "pm_matchers"};

using ImageMaps = std::array<BpfMap, PM_TABLE_COUNT>;

Result<ImageMaps> MakeImageMaps(const Image& image);

// From here on programs that the control word sends to `slot` find these maps. `outer` is the
// descriptor of `tables`. One batch of a map in maps, so one wait for a grace period where the
// kernel waits.
Result<void> Publish(const ImageMaps& maps, uint32_t slot, int outer);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_DATAPATH_IMAGE_MAPS_H_
