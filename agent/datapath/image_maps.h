// SPDX-License-Identifier: Apache-2.0
// An image as kernel maps: made, filled and frozen before anybody sees them, then published to a
// slot of the outer maps.
#ifndef PORTMATRIX_AGENT_DATAPATH_IMAGE_MAPS_H_
#define PORTMATRIX_AGENT_DATAPATH_IMAGE_MAPS_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "agent/datapath/bpf_map.h"
#include "agent/datapath/result.h"
#include "maps/image.h"

namespace portmatrix {

// By enum pm_table; a slot's maps are pinned as `slot-N-NAME`.
inline constexpr const char* kTableNames[PM_TABLE_COUNT] = {
    "pm_devices", "pm_interfaces", "pm_axes",       "pm_pairs",    "pm_trees",
    "pm_rules",   "pm_addresses",  "pm_addr_trees", "pm_matchers", "pm_live"};

using ImageMaps = std::array<BpfMap, PM_TABLE_COUNT>;

// One table of an image, filled and frozen.
Result<BpfMap> MakeTable(const Image& image, size_t table);
Result<ImageMaps> MakeImageMaps(const Image& image);

// Where a slot's table stands in `tables`.
inline uint32_t PlaceOf(uint32_t slot, size_t table) {
  return slot * PM_TABLES_PER_SLOT + static_cast<uint32_t>(table);
}

// From here on programs that the control word sends to `slot` find these maps. `outer` is the
// descriptor of `tables`. For simulations: it waits for a grace period (SlotImages does not).
Result<void> Publish(const ImageMaps& maps, uint32_t slot, int outer);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_DATAPATH_IMAGE_MAPS_H_
