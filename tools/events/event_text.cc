// SPDX-License-Identifier: Apache-2.0
#include "tools/events/event_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "tools/screen.h"

namespace portmatrix {
namespace {

// 2026-09-21T14:13:20.123456Z: the time of the day, in UTC.
std::string ClockOf(const EventLine& line) {
  constexpr size_t kClockAt = 11, kClockBytes = 15;
  return line.time.size() > kClockAt ? line.time.substr(kClockAt, kClockBytes) : line.time;
}

std::string Endpoint(const std::optional<Address>& address, const std::optional<uint16_t>& port) {
  if (!address) return "-";
  if (!port) return ToString(*address);
  return address->family == Family::kIpv6 ? fmt::format("[{}]:{}", ToString(*address), *port)
                                          : fmt::format("{}:{}", ToString(*address), *port);
}

std::string ProtocolOf(const EventLine& line) {
  constexpr uint16_t kIpv4 = 0x0800, kIpv6 = 0x86dd;
  if (!line.protocol.empty()) return line.protocol;
  if (line.from || line.ethertype == kIpv4 || line.ethertype == kIpv6) return "ip";
  return fmt::format("0x{:04x}", line.ethertype);
}

// Reason, and the rule where one decided.
std::string WhyOf(const EventLine& line) {
  return line.rule.empty() ? line.reason : fmt::format("{} {}", line.reason, line.rule);
}

std::string DetailsOf(const EventLine& line) {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  if (!line.tcp_flags.empty()) add(line.tcp_flags);
  if (line.icmp_type)
    add(fmt::format("type {} code {}", *line.icmp_type, line.icmp_code.value_or(0)));
  if (!line.fragment.empty()) add(line.fragment + " fragment");
  if (!line.vlan.empty()) add(fmt::format("vlan {}", fmt::join(line.vlan, ".")));
  add(line.packets > 1 ? fmt::format("{} bytes, {} packets", line.length, line.packets)
                       : fmt::format("{} bytes", line.length));
  return text;
}

std::string OwnerOf(const EventLine& line) {
  return !line.interface.empty() ? line.interface : fmt::format("({})", line.device);
}

}  // namespace

std::string EventTable::Aligned(const Cells& cells) const {
  std::string text;
  for (size_t i = 0; i < kColumns; ++i) text += fmt::format("{:<{}}  ", cells[i], widths_[i]);
  return text;
}

std::string EventTable::Heading() const {
  return Paint(stream_, Colour::kBold,
               Aligned(
                   {"TIME (UTC)", "INTERFACE", "DIR", "VERDICT", "WHY", "PROTOCOL", "FROM", "TO"}) +
                   "DETAILS") +
         "\n";
}

std::string EventTable::Text(const EventLine& line) {
  if (line.type == EventLine::Type::kListening) return "";
  if (line.type == EventLine::Type::kLost)
    return Paint(stream_, Colour::kYellow,
                 fmt::format("{}  {} packets lost: nobody took them in time", ClockOf(line),
                             line.packets)) +
           "\n";
  if (line.type == EventLine::Type::kSuppressed)
    return Paint(stream_, Colour::kDim,
                 fmt::format("{}  {} {}  {} packets more, beyond the limit: {}", ClockOf(line),
                             OwnerOf(line), line.direction, line.packets,
                             line.rule.empty() ? line.reason : "rule " + line.rule)) +
           "\n";
  const Cells cells = {ClockOf(line),
                       OwnerOf(line),
                       line.direction,
                       line.verdict(),
                       WhyOf(line),
                       ProtocolOf(line),
                       Endpoint(line.from, line.source_port),
                       Endpoint(line.to, line.port)};
  for (size_t i = 0; i < kColumns; ++i) widths_[i] = std::max(widths_[i], cells[i].size());
  const std::string text = Aligned(cells) + DetailsOf(line);
  if (line.is_audited) return Paint(stream_, Colour::kYellow, text) + "\n";
  return (line.is_allowed ? text : Paint(stream_, Colour::kRed, text)) + "\n";
}

std::string EventComment(const EventLine& line) {
  const std::string owner =
      !line.interface.empty() ? line.interface : fmt::format("device {}", line.device);
  return fmt::format("{} {}: {}, {}", owner, line.direction,
                     line.is_audited ? "passed by audit, would drop" : line.verdict(), WhyOf(line));
}

}  // namespace portmatrix
