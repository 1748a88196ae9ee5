// SPDX-License-Identifier: Apache-2.0
#include "agent/event_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <string_view>

#include "agent/counter_json.h"
#include "agent/json_text.h"
#include "agent/policy/model.h"
#include "agent/policy/protocol.h"
#include "agent/policy/service_reader.h"
#include "agent/policy/tuple.h"

namespace portmatrix {
namespace {

// Bits 0 to 7 of the flags (RFC 9293, 3.1), in the order in which people write them: SYN and ACK
// first.
constexpr std::array<std::pair<uint8_t, char>, 8> kTcpFlags = {{{0x02, 'S'},
                                                                {0x10, 'A'},
                                                                {0x01, 'F'},
                                                                {0x04, 'R'},
                                                                {0x08, 'P'},
                                                                {0x20, 'U'},
                                                                {0x40, 'E'},
                                                                {0x80, 'C'}}};

using Line = fmt::memory_buffer;

template <typename... Arguments>
void Write(Line& line, fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  fmt::format_to(std::back_inserter(line), format, std::forward<Arguments>(arguments)...);
}

void WriteTime(Line& line, const char* type, int64_t time) {
  Write(line, R"({{"type":"{}","time":"{}")", type, TimeText(time));
}

std::string NameOf(const EventNames& names, uint32_t owner) {
  return owner < names.owners.size() && !names.owners[owner].empty() ? JsonText(names.owners[owner])
                                                                     : "null";
}

std::string RuleOf(const EventNames& names, uint32_t slot) {
  const auto found = names.rules.find(slot);
  return found == names.rules.end() ? "null" : JsonText(found->second.key);
}

void WriteOwner(Line& line, const EventNames& names, uint32_t owner) {
  if (owner < PM_MAX_INTERFACES)
    Write(line, R"(,"interface":{})", NameOf(names, owner));
  else
    Write(line, R"(,"interface":null,"device":{})", NameOf(names, owner));
}

bool IsOfRule(uint8_t reason) { return reason == PM_REASON_RULE || reason == PM_REASON_REPLY; }

// From, to, protocol and what is the protocol's own; null where it is not known.
void WriteTuple(Line& line, const pm_event& event) {
  const pm_tuple& tuple = event.tuple;
  if (tuple.family != 4 && tuple.family != 6) {
    Write(line, R"(,"from":null,"to":null,"protocol":null,"source_port":null,"port":null)");
    return;
  }
  // The chain of a later IPv6 fragment does not name it.
  const bool is_later = event.fragment == PM_LATER;
  const std::string protocol = is_later && tuple.family == 6 && tuple.protocol == 0
                                   ? "null"
                                   : JsonText(ProtocolWord(tuple.protocol));
  Write(line, R"(,"from":"{}","to":"{}","protocol":{})", ToString(TupleSource(tuple)),
        ToString(TupleDestination(tuple)), protocol);
  const bool has_header = !is_later || tuple.source_port != 0 || tuple.destination_port != 0;
  if (has_header && HasPorts(tuple.protocol))
    Write(line, R"(,"source_port":{},"port":{})", tuple.source_port, tuple.destination_port);
  else
    Write(line, R"(,"source_port":null,"port":null)");
  if (has_header && IsIcmp(tuple.protocol))
    Write(line, R"(,"icmp_type":{},"icmp_code":{})", tuple.destination_port >> 8,
          tuple.destination_port & 0xff);
  if (tuple.protocol != protocol::kTcp || !has_header) return;
  Write(line, R"(,"tcp_flags":")");
  for (const auto& [bit, letter] : kTcpFlags)
    if (event.tcp_flags & bit) line.push_back(letter);
  Write(line, "\"");
}

void WriteLink(Line& line, const pm_event& event) {
  Write(line, R"(,"ethertype":{},"vlan":[)", event.ethertype);
  if (event.outer != 0) Write(line, "{}", event.outer);
  if (event.inner != 0) Write(line, ",{}", event.inner);
  Write(line, "]");
}

// The frame's beginning as it is on the wire: a tag that travels beside it stands behind the
// addresses again.
void WriteHead(Line& line, const pm_event& event) {
  constexpr size_t kAddressBytes = 12;
  const auto bytes = std::min<size_t>(event.head_bytes, sizeof event.head);
  Write(line, R"(,"head":")");
  for (size_t i = 0; i < bytes; ++i) {
    if (i == kAddressBytes && event.tag_type != 0)
      Write(line, "{:04x}{:04x}", event.tag_type, event.tag_control);
    Write(line, "{:02x}", event.head[i]);
  }
  Write(line, "\"");
}

}  // namespace

std::string ListeningJson(const EventNames& names, uint32_t budget, const EventMoment& now) {
  Line line;
  WriteTime(line, "listening", now.time);
  Write(line, R"(,"node":{},"events_per_second":{},"head_bytes":{}}})", JsonText(names.node),
        budget, PM_EVENT_HEAD_BYTES);
  return fmt::to_string(line);
}

std::string PacketJson(const pm_event& event, const EventNames& names, const EventMoment& now,
                       bool head) {
  constexpr uint32_t kTagBytes = 4;
  Line line;
  WriteTime(line, "packet",
            now.time - static_cast<int64_t>(now.monotonic) + static_cast<int64_t>(event.time));
  if (event.owner < PM_MAX_INTERFACES)
    Write(line, R"(,"interface":{})", NameOf(names, event.owner));
  else
    Write(line, R"(,"interface":null)");
  Write(line, R"(,"device":{},"direction":"{}","verdict":"{}")",
        NameOf(names, PM_MAX_INTERFACES + event.device),
        ToString(static_cast<Direction>(event.direction)),
        event.verdict == PM_PASS ? "allow" : "drop");
  if (event.audited) Write(line, R"(,"audit":true)");
  Write(line, R"(,"reason":"{}","rule":{},"generation":{})",
        ReasonWord(static_cast<pm_reason>(event.reason)),
        IsOfRule(event.reason) ? RuleOf(names, event.slot) : "null", event.generation);
  WriteTuple(line, event);
  if (event.fragment != PM_WHOLE)
    Write(line, R"(,"fragment":"{}")", event.fragment == PM_FIRST ? "first" : "later");
  WriteLink(line, event);
  Write(line, R"(,"packets":{},"bytes":{},"length":{})", event.packets, event.bytes,
        event.length + (event.tag_type != 0 ? kTagBytes : 0));
  if (head) WriteHead(line, event);
  Write(line, "}}");
  return fmt::to_string(line);
}

std::string SuppressedJson(uint32_t source, uint64_t packets, const EventNames& names,
                           const EventMoment& now) {
  Line line;
  WriteTime(line, "suppressed", now.time);
  if (source >= PM_EVENT_SOURCES_OF_REASONS) {
    const uint32_t slot = source - PM_EVENT_SOURCES_OF_REASONS;
    const auto found = names.rules.find(slot);
    if (found == names.rules.end()) {
      Write(line, R"(,"rule":null)");
    } else {
      const RuleIdentity& rule = found->second;
      Write(line, R"(,"interface":{},"direction":"{}","rule":{})",
            JsonText(std::string_view(rule.key).substr(0, rule.key.find('/'))),
            ToString(rule.direction), JsonText(rule.key));
    }
  } else {
    const uint32_t owner = source / PM_REASON_COUNT / PM_DIRECTIONS;
    WriteOwner(line, names, owner);
    Write(line, R"(,"direction":"{}","reason":"{}")",
          ToString(static_cast<Direction>(source / PM_REASON_COUNT % PM_DIRECTIONS)),
          ReasonWord(static_cast<pm_reason>(source % PM_REASON_COUNT)));
  }
  Write(line, R"(,"packets":{}}})", packets);
  return fmt::to_string(line);
}

std::string LostJson(uint64_t packets, const EventMoment& now) {
  Line line;
  WriteTime(line, "lost", now.time);
  Write(line, R"(,"packets":{}}})", packets);
  return fmt::to_string(line);
}

}  // namespace portmatrix
