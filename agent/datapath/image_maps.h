// SPDX-License-Identifier: Apache-2.0
// An image as kernel maps (maps/front.h): its front is one value of the map `fronts`;
// what of a table goes beyond stands in a map of its own, filled and frozen before anybody sees it,
// then published in the outer map `tables`.
#ifndef PORTMATRIX_AGENT_DATAPATH_IMAGE_MAPS_H_
#define PORTMATRIX_AGENT_DATAPATH_IMAGE_MAPS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "agent/datapath/bpf_map.h"
#include "agent/datapath/result.h"
#include "maps/front.h"
#include "maps/image.h"

namespace portmatrix {

// By enum pm_table; what goes beyond the front is pinned as `slot-N-NAME`.
inline constexpr const char* kTableNames[PM_TABLE_COUNT] = {
    "pm_devices", "pm_interfaces", "pm_axes",       "pm_pairs",    "pm_trees",
    "pm_rules",   "pm_addresses",  "pm_addr_trees", "pm_matchers", "pm_live"};

// An image, parted.
class ImageParts {
 public:
  ImageParts();

  // `image` must not change or go while its parts are looked at.
  void Take(const Image& image);

  const pm_front& front() const { return *front_; }
  // Of a table that ends in the front, one block of zeros.
  std::span<const pm_block> beyond(size_t table) const { return beyond_[table]; }

 private:
  std::unique_ptr<pm_front> front_;              // kept from image to image: memory that is at hand
  std::array<size_t, PM_TABLE_COUNT> filled_{};  // blocks of each table in it; zeros follow
  std::array<std::span<const pm_block>, PM_TABLE_COUNT> beyond_;
};

// The other way round; tables come filled up with zeros to what the front holds of them.
Image Joined(const pm_front& front,
             const std::array<std::vector<pm_block>, PM_TABLE_COUNT>& beyond);

// What of a table goes beyond the front, filled and frozen.
Result<BpfMap> MakeTable(std::span<const pm_block> blocks, const char* name);

// Where a slot's table stands in `tables`.
inline uint32_t PlaceOf(uint32_t slot, size_t table) {
  return slot * PM_TABLES_PER_SLOT + static_cast<uint32_t>(table);
}

// From here on programs that the control word sends to `slot` find this image. `fronts` and
// `tables` are descriptors. For simulations: it waits for grace periods (SlotImages does not).
Result<void> PublishImage(const Image& image, uint32_t slot, int fronts, int tables);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_DATAPATH_IMAGE_MAPS_H_
