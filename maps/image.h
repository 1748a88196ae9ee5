// SPDX-License-Identifier: Apache-2.0
// The map image: the whole content of one generation's maps as plain values, before any kernel is
// touched.
#ifndef PORTMATRIX_MAPS_IMAGE_H_
#define PORTMATRIX_MAPS_IMAGE_H_

#include <array>
#include <cstdint>
#include <vector>

#include "maps/layout.h"

namespace portmatrix {

struct Image {
  std::array<std::vector<pm_block>, PM_TABLE_COUNT> tables;  // by enum pm_table; none is empty

  const std::vector<pm_block>& table(pm_table which) const { return tables[which]; }
};

}  // namespace portmatrix

#endif  // PORTMATRIX_MAPS_IMAGE_H_
