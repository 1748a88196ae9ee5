// SPDX-License-Identifier: Apache-2.0
#include "tools/events/event_capture.h"

#include <algorithm>

#include "maps/event_layout.h"
#include "tools/events/event_text.h"
#include "tools/pcapng.h"

namespace portmatrix {
namespace {

// A tag that travelled beside the frame stands in its head too.
constexpr uint32_t kSnapBytes = PM_EVENT_HEAD_BYTES + 4;

}  // namespace

std::string EventCapture::Begin(const std::string& application) {
  return PcapngSection(application);
}

std::string EventCapture::Add(const EventLine& line) {
  std::string bytes;
  const auto [device, is_new] =
      devices_.emplace(line.device, static_cast<uint32_t>(devices_.size()));
  if (is_new) bytes = PcapngInterface(kPcapngEthernet, kSnapBytes, line.device);
  const std::string comment = EventComment(line);
  bytes += PcapngPacketBlock(
      {.interface = device->second,
       .time = line.nanoseconds,
       .bytes = line.head,
       .wire_bytes = std::max(line.length, static_cast<uint32_t>(line.head.size())),
       .comment = comment,
       .outbound = line.direction == "out"});
  return bytes;
}

}  // namespace portmatrix
