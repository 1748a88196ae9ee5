// SPDX-License-Identifier: Apache-2.0
// A world so small that every packet in it can be asked, and random matches that nothing outside it
// tells apart: what is decided by classes of packets is compared there with asking them one by one.
#ifndef PORTMATRIX_TESTS_SUPPORT_SMALL_WORLD_H_
#define PORTMATRIX_TESTS_SUPPORT_SMALL_WORLD_H_

#include <cstdint>
#include <random>
#include <vector>

#include "agent/policy/model.h"
#include "maps/layout.h"

namespace portmatrix {

class SmallWorld {
 public:
  explicit SmallWorld(uint32_t seed) : random_(seed) {}

  Match RandomMatch();
  uint32_t Below(uint32_t limit) { return static_cast<uint32_t>(random_() % limit); }

 private:
  AddressSet RandomAddresses();
  std::vector<PortRange> RandomRanges(const std::vector<PortRange>& choice);

  std::mt19937 random_;
};

// Every packet of the world.
const std::vector<pm_tuple>& SmallWorldPackets();

}  // namespace portmatrix

#endif  // PORTMATRIX_TESTS_SUPPORT_SMALL_WORLD_H_
