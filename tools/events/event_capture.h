// SPDX-License-Identifier: Apache-2.0
// Events as a capture: the beginning of each packet, with rule or reason in its comment.
#ifndef PORTMATRIX_TOOLS_EVENTS_EVENT_CAPTURE_H_
#define PORTMATRIX_TOOLS_EVENTS_EVENT_CAPTURE_H_

#include <cstdint>
#include <map>
#include <string>

#include "tools/events/event_line.h"

namespace portmatrix {

class EventCapture {
 public:
  // Begins a file that `application` wrote.
  static std::string Begin(const std::string& application);
  // The bytes of one packet, with its device before it where that is a new one.
  std::string Add(const EventLine& line);

 private:
  std::map<std::string, uint32_t> devices_;  // number in the file
};

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_EVENTS_EVENT_CAPTURE_H_
