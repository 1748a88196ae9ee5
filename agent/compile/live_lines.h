// SPDX-License-Identifier: Apache-2.0
// The rules of one direction of an interface that depend on live sets, as the tables that find them
// (maps/layout.h, "Rules that name live sets").
#ifndef PORTMATRIX_AGENT_COMPILE_LIVE_LINES_H_
#define PORTMATRIX_AGENT_COMPILE_LIVE_LINES_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/compile/matchers.h"
#include "agent/policy/model.h"
#include "maps/layout.h"
#include "maps/numbering.h"

namespace portmatrix {

class LiveLines {
 public:
  // Adds one rule, in order of judgement. `from` and `to` are the set numbers of its prefixes.
  void Add(const Line& line, const Match& match, const Node& node, const Numbering& numbering);

  // Appends this direction's blocks to `blocks` and says in `entry` where they are. False, with the
  // reason in `*limit`, if a limit does not suffice.
  bool Write(pm_direction direction, uint32_t local, MatcherTables* matchers,
             std::vector<pm_block>* blocks, pm_interface* entry, std::string* limit) const;

 private:
  // A way to meet a rule's sides: the live set that holds the address, or none: its prefixes do.
  using Way = std::optional<uint32_t>;
  std::map<std::pair<Way, Way>, std::vector<Line>> groups_;
  uint32_t first_ = 0;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_COMPILE_LIVE_LINES_H_
