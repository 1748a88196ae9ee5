// SPDX-License-Identifier: Apache-2.0
// What became of the packets of a replay, added up.
#ifndef PORTMATRIX_TOOLS_REPLAY_SUMMARY_H_
#define PORTMATRIX_TOOLS_REPLAY_SUMMARY_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "tools/capture.h"
#include "tools/simulation.h"

namespace portmatrix {

class ReplaySummary {
 public:
  void Add(Direction direction, const CapturedFrame& frame, const Ruling& ruling);

  uint64_t packets() const { return packets_; }
  // By verdict, reason, direction and rule, with its place; rules in the order of `node`.
  std::string Table(const Node& node, const Sources& sources) const;
  // "1,204 packets in 12.300 s of capture time (1,000 in, 204 out): 1,100 allowed, 104 dropped"
  std::string Total() const;
  // What the reader must know about how they were judged, one a line; mostly none.
  std::vector<std::string> Remarks() const;

 private:
  struct Count {
    uint64_t packets = 0;
    uint64_t bytes = 0;
  };
  using Key = std::tuple<bool, bool, pm_reason, Direction, const Rule*>;  // as in a row

  std::map<Key, Count> counts_;
  uint64_t packets_ = 0;
  uint64_t allowed_ = 0;
  uint64_t audited_ = 0;
  uint64_t by_direction_[PM_DIRECTIONS] = {};
  uint64_t truncated_ = 0;
  uint64_t refused_ = 0;
  uint64_t backwards_ = 0;
  uint64_t first_ = 0;  // time stamps
  uint64_t latest_ = 0;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_REPLAY_SUMMARY_H_
