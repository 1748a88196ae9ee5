// SPDX-License-Identifier: Apache-2.0
#include "tools/events/event_line.h"

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <nlohmann/json.hpp>

namespace portmatrix {
namespace {

using nlohmann::json;

std::string TextIn(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

template <typename Number>
std::optional<Number> NumberIn(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number_unsigned()) return std::nullopt;
  return found->get<Number>();
}

uint64_t NanosecondsOf(const std::string& time) {
  tm utc{};
  int microseconds = 0;
  if (std::sscanf(time.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d.%6dZ", &utc.tm_year, &utc.tm_mon,
                  &utc.tm_mday, &utc.tm_hour, &utc.tm_min, &utc.tm_sec, &microseconds) != 7)
    return 0;
  utc.tm_year -= 1900;
  utc.tm_mon -= 1;
  return (static_cast<uint64_t>(timegm(&utc)) * 1'000'000 + static_cast<uint64_t>(microseconds)) *
         1000;
}

std::vector<uint8_t> BytesOf(const std::string& hexadecimal) {
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i + 1 < hexadecimal.size(); i += 2)
    bytes.push_back(
        static_cast<uint8_t>(std::strtoul(hexadecimal.substr(i, 2).c_str(), nullptr, 16)));
  return bytes;
}

std::optional<EventLine::Type> TypeOf(const std::string& word) {
  if (word == "packet") return EventLine::Type::kPacket;
  if (word == "suppressed") return EventLine::Type::kSuppressed;
  if (word == "lost") return EventLine::Type::kLost;
  if (word == "listening") return EventLine::Type::kListening;
  return std::nullopt;
}

}  // namespace

const char* EventLine::verdict() const {
  if (is_audited) return "audit";
  return is_allowed ? "allow" : "drop";
}

std::optional<EventLine> ParseEventLine(std::string_view text) {
  const json object = json::parse(text, nullptr, false);
  if (!object.is_object()) return std::nullopt;
  const auto type = TypeOf(TextIn(object, "type"));
  if (!type) return std::nullopt;
  EventLine line;
  line.type = *type;
  line.time = TextIn(object, "time");
  line.nanoseconds = NanosecondsOf(line.time);
  line.interface = TextIn(object, "interface");
  line.device = TextIn(object, "device");
  line.direction = TextIn(object, "direction");
  line.reason = TextIn(object, "reason");
  line.rule = TextIn(object, "rule");
  line.packets = NumberIn<uint64_t>(object, "packets").value_or(0);
  line.is_allowed = TextIn(object, "verdict") == "allow";
  line.is_audited = object.value("audit", json()) == true;
  line.generation = NumberIn<uint64_t>(object, "generation").value_or(0);
  line.from = ParseAddress(TextIn(object, "from"));
  line.to = ParseAddress(TextIn(object, "to"));
  line.protocol = TextIn(object, "protocol");
  line.source_port = NumberIn<uint16_t>(object, "source_port");
  line.port = NumberIn<uint16_t>(object, "port");
  line.icmp_type = NumberIn<uint8_t>(object, "icmp_type");
  line.icmp_code = NumberIn<uint8_t>(object, "icmp_code");
  line.tcp_flags = TextIn(object, "tcp_flags");
  line.fragment = TextIn(object, "fragment");
  line.ethertype = NumberIn<uint16_t>(object, "ethertype").value_or(0);
  for (const json& tag : object.value("vlan", json::array()))
    if (tag.is_number_unsigned()) line.vlan.push_back(tag.get<uint16_t>());
  line.length = NumberIn<uint32_t>(object, "length").value_or(0);
  line.head = BytesOf(TextIn(object, "head"));
  line.node = TextIn(object, "node");
  line.events_per_second = NumberIn<uint64_t>(object, "events_per_second").value_or(0);
  return line;
}

}  // namespace portmatrix
