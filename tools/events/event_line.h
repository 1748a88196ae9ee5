// SPDX-License-Identifier: Apache-2.0
// A line of the agent's event stream (agent/README.md, "Events"), as values.
#ifndef PORTMATRIX_TOOLS_EVENTS_EVENT_LINE_H_
#define PORTMATRIX_TOOLS_EVENTS_EVENT_LINE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "maps/address.h"

namespace portmatrix {

struct EventLine {
  enum class Type { kListening, kPacket, kSuppressed, kLost };

  Type type = Type::kPacket;
  std::string time;          // RFC 3339 in UTC, with microseconds
  uint64_t nanoseconds = 0;  // the same since 1970
  std::string interface;     // empty: none
  std::string device;
  std::string direction;  // "in", "out"
  std::string reason;
  std::string rule;      // empty: none
  uint64_t packets = 0;  // told of, suppressed or lost

  // Of packets.
  bool is_allowed = false;
  bool is_audited = false;
  uint64_t generation = 0;
  std::optional<Address> from, to;
  std::string protocol;  // "tcp", or the number; empty: not known
  std::optional<uint16_t> source_port, port;
  std::optional<uint8_t> icmp_type, icmp_code;
  std::string tcp_flags;  // of SAFRPUEC
  std::string fragment;   // "first", "later", empty: whole
  uint16_t ethertype = 0;
  std::vector<uint16_t> vlan;  // VIDs, outer first
  uint32_t length = 0;
  std::vector<uint8_t> head;

  // Of the first line.
  std::string node;
  uint64_t events_per_second = 0;

  const char* verdict() const;  // "allow", "drop", or "audit": passed, would have dropped
};

// Nothing if it is no line of this stream.
std::optional<EventLine> ParseEventLine(std::string_view text);

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_EVENTS_EVENT_LINE_H_
