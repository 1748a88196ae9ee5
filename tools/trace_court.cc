// SPDX-License-Identifier: Apache-2.0
#include "tools/trace_court.h"

#include <algorithm>

#include "agent/datapath/simulator.h"
#include "agent/policy/frame.h"
#include "agent/policy/packet.h"
#include "agent/policy/tuple.h"
#include "maps/lookup.h"

namespace portmatrix {
namespace {

// Conversations that this packet may belong to are put into it; nothing else opens any.
constexpr DatapathSizes kSizes{.rules = 1, .flows = 1024, .fragments = 64};

std::optional<uint32_t> FindInterface(const Image& image, uint32_t owner) {
  const ImageLookup lookup(image);
  for (uint32_t index = 0; const pm_interface* interface = lookup.interface(index); ++index) {
    if (interface->owner == owner && interface->generation != 0) return index;
  }
  return std::nullopt;
}

// Tags that select interface `index` on the device, the fewest and lowest.
std::optional<std::vector<uint16_t>> FindTags(const ImageLookup& lookup, uint32_t index,
                                              uint32_t device) {
  constexpr uint16_t kTagEnd = 4095;
  const uint32_t wanted = index + 1;
  if (lookup.SelectInterface(device, 0, 0) == wanted) return std::vector<uint16_t>{};
  for (uint16_t tag = 1; tag < kTagEnd; ++tag) {
    if (lookup.SelectInterface(device, tag, 0) == wanted) return std::vector<uint16_t>{tag};
  }
  for (uint16_t outer = 1; outer < kTagEnd; ++outer) {
    for (uint16_t inner = 1; inner < kTagEnd; ++inner) {
      if (lookup.SelectInterface(device, outer, inner) == wanted)
        return std::vector<uint16_t>{outer, inner};
    }
  }
  return std::nullopt;
}

Direction DirectionOf(const ImageLookup& lookup, uint32_t index, const TraceQuestion& question) {
  if (lookup.IsLocal(index, question.to)) return Direction::kIn;
  return lookup.IsLocal(index, question.from) ? Direction::kOut : Direction::kIn;
}

// The opening tuple of the conversation that the frame would belong to.
std::optional<pm_tuple> OpeningOf(const std::vector<uint8_t>& frame, Family family,
                                  Direction direction, uint32_t owner) {
  const auto link = DecodeLink(frame);
  const auto packet = link ? DecodePacket(family, link->payload) : std::nullopt;
  if (!packet) return std::nullopt;
  pm_tuple tuple = packet->tuple;
  tuple.interface = static_cast<uint16_t>(owner);
  return direction == Direction::kOut ? std::optional(tuple) : Reversed(tuple);
}

}  // namespace

Result<TraceOutcome> Trace(const TraceCase& trace) {
  const ImageLookup lookup(*trace.image);
  const auto index = FindInterface(*trace.image, trace.owner);
  if (!index) return Error{"find", "the interface in the image", 0, "it is not bound"};
  TraceOutcome outcome;
  std::optional<std::vector<uint16_t>> tags;
  uint32_t device = 0;
  for (const auto& [name, number] : trace.devices) {
    tags = FindTags(lookup, *index, number);
    if (!tags) continue;
    outcome.device = name;
    outcome.tags = *tags;
    device = number;
    break;
  }
  if (!tags) return Error{"find", "a device for the interface", 0, "no frame selects it"};
  outcome.direction =
      trace.direction ? *trace.direction : DirectionOf(lookup, *index, trace.question);

  DatapathSizes sizes = kSizes;
  sizes.rules = std::max(sizes.rules, trace.rule_slots);
  auto simulator = Simulator::Load(sizes);
  if (!simulator) return simulator.error();
  if (auto changed = (*simulator)->Change(*trace.image); !changed) return changed.error();
  if (auto filled = (*simulator)->FillLiveSets(trace.live_sets); !filled) return filled.error();
  const std::vector<uint8_t> frame = BuildFrame(trace.question, trace.from_port, outcome.tags);
  const auto opening = OpeningOf(frame, trace.question.from.family, outcome.direction, trace.owner);
  if (opening && trace.find_flow) {
    auto flow = trace.find_flow(*opening);
    if (!flow) return flow.error();
    if (*flow) {
      const Conversation conversation{*opening, **flow};
      if (conversation.IsLive(trace.now)) outcome.before = conversation;
      if (auto put = (*simulator)->PutFlow(*opening, **flow); !put) return put.error();
    }
  }
  auto report = (*simulator)->Run(outcome.direction, device, frame, trace.now);
  if (!report) return report.error();
  if (!*report) return Error{"test-run", "the packet", 0, "the kernel refuses such a frame"};
  outcome.report = **report;
  if (opening) {
    auto flow = (*simulator)->FindFlow(*opening);
    if (!flow) return flow.error();
    if (*flow && Conversation{*opening, **flow}.IsLive(trace.now))
      outcome.after = Conversation{*opening, **flow};
  }
  return outcome;
}

}  // namespace portmatrix
