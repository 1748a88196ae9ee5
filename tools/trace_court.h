// SPDX-License-Identifier: Apache-2.0
// One packet before one image: which device and tags bring it to the interface, and what the real
// program makes of it. The image comes from files or from the pins; the program, its counters and
// its table of conversations are loaded for this question alone.
#ifndef PORTMATRIX_TOOLS_TRACE_COURT_H_
#define PORTMATRIX_TOOLS_TRACE_COURT_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/datapath/flow_table.h"
#include "agent/datapath/result.h"
#include "agent/policy/model.h"
#include "maps/image.h"
#include "tools/packet_question.h"

namespace portmatrix {

struct TraceCase {
  const Image* image = nullptr;
  uint32_t owner = 0;                                     // of the interface
  std::vector<std::pair<std::string, uint32_t>> devices;  // those to look for it on, and numbers
  uint32_t rule_slots = 0;
  TraceQuestion question;
  uint16_t from_port = 0;
  std::optional<Direction> direction;
  uint64_t now = 0;  // nanoseconds of the program's clock
  // What the live sets of the image hold, by set number.
  std::map<uint32_t, std::vector<Prefix>> live_sets = {};
  // The entry of a conversation by its opening tuple, to be put into the table first.
  std::function<Result<std::optional<pm_flow>>(const pm_tuple&)> find_flow;
};

struct TraceOutcome {
  std::string device;
  std::vector<uint16_t> tags;
  Direction direction = Direction::kIn;
  pm_report report{};
  std::optional<Conversation> before;  // the packet's conversation, where it has a live entry
  std::optional<Conversation> after;   // the same once the packet has passed
};

Result<TraceOutcome> Trace(const TraceCase& trace);

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_TRACE_COURT_H_
