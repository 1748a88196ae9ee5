// SPDX-License-Identifier: Apache-2.0
// A node's policy in the real program, beside anything that is in force: what `replay` judges by.
// Conversations and fragments last from frame to frame.
#ifndef PORTMATRIX_TOOLS_SIMULATION_H_
#define PORTMATRIX_TOOLS_SIMULATION_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "agent/compile/numbering.h"
#include "agent/datapath/simulator.h"
#include "agent/policy/model.h"
#include "maps/image.h"

namespace portmatrix {

struct Ruling {
  bool allowed = false;  // before audit
  bool audited = false;  // not allowed, and audit would pass it all the same
  pm_reason reason = PM_REASON_INTERNAL;
  const Rule* rule = nullptr;  // with reasons `rule` and `reply`, else null
  // The kernel does not test-run such a frame; the reference evaluator said what it is.
  bool refused = false;
};

class Simulation {
 public:
  // `node` must outlive it. Frames arrive at the first device of its interface `index`.
  static Result<std::unique_ptr<Simulation>> Make(const Node& node, size_t index);
  // By an image that was made of the node's policy before, and the numbers in it.
  static Result<std::unique_ptr<Simulation>> Make(const Node& node, size_t index,
                                                  const Image& image, const Numbering& numbering);

  // Where the frame travels: `in` where its destination is local to the interface, else `out` where
  // its source is, else `in`.
  Direction DirectionOf(std::span<const uint8_t> frame) const;

  // Judges a whole frame. `time` is in nanoseconds and does not go back.
  Result<Ruling> Judge(Direction direction, std::span<const uint8_t> frame, uint64_t time);

  // What the live sets hold, by the numbers in the image; without it they are empty.
  Result<void> FillLiveSets(const std::map<uint32_t, std::vector<Prefix>>& content) {
    return simulator_->FillLiveSets(content);
  }

  const Simulator& simulator() const { return *simulator_; }

 private:
  Simulation(const Node& node, size_t index, std::unique_ptr<Simulator> simulator);
  Result<std::optional<pm_report>> Run(Direction direction, std::span<const uint8_t> frame,
                                       uint64_t time);
  Ruling ByReference(Direction direction, std::span<const uint8_t> frame) const;

  const Node& node_;
  const Interface& interface_;
  std::unique_ptr<Simulator> simulator_;
  uint32_t device_ = 0;
  std::vector<const Rule*> rules_;  // by counter slot
};

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_SIMULATION_H_
