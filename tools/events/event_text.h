// SPDX-License-Identifier: Apache-2.0
// Events as lines for people, in columns that grow as they must.
#ifndef PORTMATRIX_TOOLS_EVENTS_EVENT_TEXT_H_
#define PORTMATRIX_TOOLS_EVENTS_EVENT_TEXT_H_

#include <array>
#include <cstddef>
#include <cstdio>
#include <string>

#include "tools/events/event_line.h"

namespace portmatrix {

class EventTable {
 public:
  // Coloured if `stream` has colours.
  explicit EventTable(std::FILE* stream) : stream_(stream) {}

  std::string Heading() const;
  // One line with its end; none for the first line of a stream.
  std::string Text(const EventLine& line);

 private:
  static constexpr size_t kColumns = 8;
  using Cells = std::array<std::string, kColumns>;

  std::string Aligned(const Cells& cells) const;

  std::FILE* stream_;
  // Of most lines, from the start: they do not jump.
  std::array<size_t, kColumns> widths_ = {15, 9, 3, 7, 12, 8, 21, 21};
};

// What a packet's comment in a capture says: "external in: drop, default", "external in: allow,
// rule external/m/web", "device eth0 in: drop, vlan".
std::string EventComment(const EventLine& line);

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_EVENTS_EVENT_TEXT_H_
