// SPDX-License-Identifier: Apache-2.0
#include "tools/events/filter_term.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "agent/policy/prefix_text.h"
#include "agent/policy/service_reader.h"
#include "agent/policy/suggestion.h"
#include "maps/layout.h"

namespace portmatrix {
namespace {

using Made = std::variant<EventFilter, ValueProblem>;
using Maker = Made (*)(const std::string& value);

template <typename Number>
std::optional<Number> ParseNumber(std::string_view text) {
  Number number{};
  const char* end = text.data() + text.size();
  const auto [rest, failed] = std::from_chars(text.data(), end, number);
  if (text.empty() || failed != std::errc() || rest != end) return std::nullopt;
  return number;
}

// One of the words, compared with a text of the line.
Made Word(const std::string& value, const char* what, const std::vector<std::string>& words,
          std::function<std::string(const EventLine&)> text) {
  if (std::ranges::find(words, value) == words.end())
    return ValueProblem{fmt::format("`{}` is no {}", value, what), DidYouMean(value, words)};
  return EventFilter(
      [value, text = std::move(text)](const EventLine& line) { return text(line) == value; });
}

// A name, or a part of one with `*`. No shell patterns beyond it.
Made Pattern(const std::string& value, std::string EventLine::*field) {
  std::string pattern;
  for (const char c : value) {
    if (c == '?' || c == '[' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return EventFilter([pattern, field](const EventLine& line) {
    return !(line.*field).empty() && fnmatch(pattern.c_str(), (line.*field).c_str(), 0) == 0;
  });
}

// Prefixes that hold one of the line's addresses.
Made InPrefix(const std::string& value, bool from, bool to) {
  auto read = ParsePrefix(value);
  if (auto* problem = std::get_if<PrefixProblem>(&read))
    return ValueProblem{problem->message, problem->hint};
  return EventFilter([prefix = std::get<Prefix>(read), from, to](const EventLine& line) {
    return (from && line.from && prefix.Contains(*line.from)) ||
           (to && line.to && prefix.Contains(*line.to));
  });
}

template <typename Number>
Made Range(const std::string& value, const char* what, std::optional<Number> EventLine::*field) {
  const size_t dash = value.find('-');
  const auto first = ParseNumber<Number>(std::string_view(value).substr(0, dash));
  const auto last = dash == std::string::npos
                        ? first
                        : ParseNumber<Number>(std::string_view(value).substr(dash + 1));
  if (!first || !last || *first > *last)
    return ValueProblem{fmt::format("`{}` is no {}", value, what),
                        fmt::format("a number from 0 to {}, or a range such as 8-10",
                                    std::numeric_limits<Number>::max())};
  return EventFilter([first = *first, last = *last, field](const EventLine& line) {
    return (line.*field) && *(line.*field) >= first && *(line.*field) <= last;
  });
}

Made Flags(const std::string& value) {
  static const std::map<std::string, std::string> kWords = {
      {"syn", "S"}, {"ack", "A"}, {"fin", "F"}, {"rst", "R"},
      {"psh", "P"}, {"urg", "U"}, {"ece", "E"}, {"cwr", "C"}};
  const auto word = kWords.find(value);
  const std::string letters = word == kWords.end() ? value : word->second;
  if (letters.find_first_not_of("SAFRPUEC") != std::string::npos)
    return ValueProblem{fmt::format("`{}` are no TCP flags", value),
                        "letters of SAFRPUEC, or one of syn, ack, fin, rst, psh, urg, ece, cwr"};
  return EventFilter([letters](const EventLine& line) {
    return std::ranges::all_of(letters,
                               [&](char c) { return line.tcp_flags.find(c) != std::string::npos; });
  });
}

Made Protocol(const std::string& value) {
  const auto protocol = ParseProtocol(value);
  if (!protocol)
    return ValueProblem{fmt::format("`{}` is no protocol", value),
                        "one of tcp, udp, sctp, icmp, icmpv6, or a number from 0 to 255"};
  return EventFilter(
      [word = ProtocolWord(*protocol)](const EventLine& line) { return line.protocol == word; });
}

Made Vlan(const std::string& value) {
  if (value == "none") return EventFilter([](const EventLine& line) { return line.vlan.empty(); });
  constexpr uint16_t kMostVid = 4094;
  const auto vid = ParseNumber<uint16_t>(value);
  if (!vid || *vid == 0 || *vid > kMostVid)
    return ValueProblem{fmt::format("`{}` is no VLAN", value),
                        fmt::format("a number from 1 to {}, or none", kMostVid)};
  return EventFilter([vid = *vid](const EventLine& line) {
    return std::ranges::find(line.vlan, vid) != line.vlan.end();
  });
}

Made Generation(const std::string& value) {
  const auto number = ParseNumber<uint64_t>(value);
  if (!number) return ValueProblem{fmt::format("`{}` is no generation's number", value), ""};
  return EventFilter(
      [number = *number](const EventLine& line) { return line.generation == number; });
}

Made Reason(const std::string& value) {
  static const std::vector<std::string> kReasons = {
#define X(identifier, word) word,
      PM_REASONS(X)
#undef X
  };
  return Word(value, "reason", kReasons, [](const EventLine& line) { return line.reason; });
}

constexpr std::pair<const char*, Maker> kMakers[] = {
    {"interface", [](const std::string& value) { return Pattern(value, &EventLine::interface); }},
    {"device", [](const std::string& value) { return Pattern(value, &EventLine::device); }},
    {"direction",
     [](const std::string& value) {
       return Word(value, "direction", {"in", "out"},
                   [](const EventLine& line) { return line.direction; });
     }},
    {"verdict",
     [](const std::string& value) {
       return Word(value, "verdict", {"allow", "drop", "audit"},
                   [](const EventLine& line) { return std::string(line.verdict()); });
     }},
    {"reason", Reason},
    {"rule", [](const std::string& value) { return Pattern(value, &EventLine::rule); }},
    {"from", [](const std::string& value) { return InPrefix(value, true, false); }},
    {"to", [](const std::string& value) { return InPrefix(value, false, true); }},
    {"host", [](const std::string& value) { return InPrefix(value, true, true); }},
    {"protocol", Protocol},
    {"port", [](const std::string& value) { return Range(value, "port", &EventLine::port); }},
    {"source_port",
     [](const std::string& value) { return Range(value, "port", &EventLine::source_port); }},
    {"icmp_type",
     [](const std::string& value) { return Range(value, "ICMP type", &EventLine::icmp_type); }},
    {"icmp_code",
     [](const std::string& value) { return Range(value, "ICMP code", &EventLine::icmp_code); }},
    {"flags", Flags},
    {"vlan", Vlan},
    {"fragment",
     [](const std::string& value) {
       return Word(value, "kind of fragment", {"first", "later", "whole"},
                   [](const EventLine& line) {
                     return line.fragment.empty() ? std::string("whole") : line.fragment;
                   });
     }},
    {"generation", Generation},
};

}  // namespace

const std::vector<std::string>& FilterKeys() {
  static const std::vector<std::string> kKeys = [] {
    std::vector<std::string> keys;
    for (const auto& [key, maker] : kMakers) keys.emplace_back(key);
    return keys;
  }();
  return kKeys;
}

std::variant<EventFilter, ValueProblem> MakeTerm(std::string_view key, const std::string& value) {
  for (const auto& [name, maker] : kMakers)
    if (name == key) return maker(value);
  return ValueProblem{fmt::format("`{}` is no key", key), ""};
}

}  // namespace portmatrix
