// SPDX-License-Identifier: Apache-2.0
// Events as JSON: the lines of GET /v1/events/stream (README.md, "Events"), without their end.
#ifndef PORTMATRIX_AGENT_EVENT_JSON_H_
#define PORTMATRIX_AGENT_EVENT_JSON_H_

#include <cstdint>
#include <string>

#include "agent/datapath/event_source.h"

namespace portmatrix {

// When a line is written, by both clocks: an event's time is of the monotonic one.
struct EventMoment {
  uint64_t monotonic = 0;  // nanoseconds
  int64_t time = 0;        // nanoseconds since 1970
};

// {"type":"listening", …}: the first line.
std::string ListeningJson(const EventNames& names, uint32_t budget, const EventMoment& now);
// {"type":"packet", …}; with `head` also the beginning of its frame, in hexadecimal.
std::string PacketJson(const pm_event& event, const EventNames& names, const EventMoment& now,
                       bool head);
// {"type":"suppressed", …}: so many packets of a source since its line before.
std::string SuppressedJson(uint32_t source, uint64_t packets, const EventNames& names,
                           const EventMoment& now);
// {"type":"lost", …}: so many packets since the line before found no room in the ring.
std::string LostJson(uint64_t packets, const EventMoment& now);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_EVENT_JSON_H_
