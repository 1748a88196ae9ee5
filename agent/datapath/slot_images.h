// SPDX-License-Identifier: Apache-2.0
// The images that the slots hold (image_maps.h). What goes beyond the fronts stands in pinned maps,
// filled before anybody sees them; they never change afterwards, and are shared: one that some slot
// has already is not made again.
//
// A change of a map in maps returns from the kernel only after a wait for a grace period (Linux,
// kernel/bpf/syscall.c, maybe_wait_bpf_programs): milliseconds, though programs find the new map
// from the first moment on. Nobody needs that wait where no program can hold the slot, so it is
// left to a thread of its own, and a change waits for nothing between its request and its instant.
#ifndef PORTMATRIX_AGENT_DATAPATH_SLOT_IMAGES_H_
#define PORTMATRIX_AGENT_DATAPATH_SLOT_IMAGES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "agent/datapath/bpf_map.h"
#include "agent/datapath/image_maps.h"
#include "agent/datapath/pins.h"
#include "agent/datapath/result.h"
#include "maps/image.h"
#include "maps/layout.h"

namespace portmatrix {

class SlotImages {
 public:
  // `pins` and the maps `fronts` and `tables` outlive this.
  SlotImages(const Pins& pins, const BpfMap& fronts, const BpfMap& tables)
      : pins_(pins), fronts_(fronts), outer_(tables) {}

  // Takes over what another agent filled the slots with.
  Result<void> Adopt();
  // Returns when every program finds the whole image in the slot. No program may hold the slot.
  Result<void> Fill(uint32_t slot, const Image& image);
  // Returns when the kernel has ended its waits of earlier calls of Fill.
  void Settle() { waiting_.clear(); }

  // How many maps the last Fill made; the others stood in a slot already.
  size_t made() const { return made_; }

 private:
  struct Table {
    BpfMap map;
    size_t entries = 0;
  };
  struct Update;

  // Of the image that is being filled in.
  std::shared_ptr<const Table> Find(uint32_t slot, size_t table) const;
  Result<std::shared_ptr<const Table>> Make(size_t table);
  Result<void> Publish(const std::vector<std::shared_ptr<Update>>& updates);
  std::string PinOf(uint32_t slot, size_t table) const;

  const Pins& pins_;
  const BpfMap& fronts_;
  const BpfMap& outer_;
  ImageParts parts_;
  std::array<std::array<std::shared_ptr<const Table>, PM_TABLE_COUNT>, PM_SLOTS> slots_;
  std::vector<std::jthread> waiting_;
  size_t made_ = 0;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_DATAPATH_SLOT_IMAGES_H_
