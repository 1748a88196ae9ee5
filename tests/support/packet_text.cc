// SPDX-License-Identifier: Apache-2.0
#include "tests/support/packet_text.h"

#include <fmt/format.h>

#include "agent/policy/tuple.h"

namespace portmatrix {
namespace {

std::string ServiceText(const pm_tuple& tuple) {
  if (IsIcmp(tuple)) {
    return fmt::format("{} {}>{:04x}", tuple.protocol, tuple.source_port, tuple.destination_port);
  }
  if (tuple.source_port == 0 && tuple.destination_port == 0) {
    return fmt::format("{}", tuple.protocol);
  }
  return fmt::format("{} {}>{}", tuple.protocol, tuple.source_port, tuple.destination_port);
}

}  // namespace

std::string Describe(const std::optional<pm_packet>& packet) {
  if (!packet) return "malformed";
  std::string text;
  if (packet->fragment == PM_LATER) {
    text = fmt::format("{} later id {} at {}", packet->tuple.protocol, packet->identification,
                       packet->fragment_offset);
  } else {
    text = ServiceText(packet->tuple);
  }
  if (packet->opening) text += " opening";
  if (packet->icmp_error) text += " error";
  if (packet->fragment == PM_FIRST) {
    text += fmt::format(" first id {} header {}", packet->identification, packet->header_end);
  }
  if (packet->embedded.family != 0) text += " about " + ServiceText(packet->embedded);
  return text;
}

}  // namespace portmatrix
