// SPDX-License-Identifier: Apache-2.0
#include "tools/difference/difference_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "agent/policy/service_reader.h"
#include "tools/screen.h"
#include "tools/table.h"

namespace portmatrix {
namespace {

constexpr size_t kShownTerms = 8;

bool IsAll(const Stretches<uint32_t>& values) {
  return values.size() == 1 && values[0].first == 0 && values[0].last == 0xffff;
}

std::string PortsText(const Stretches<uint32_t>& ports) {
  if (IsAll(ports)) return "any";
  std::vector<std::string> texts;
  for (const auto& [first, last] : ports) {
    texts.push_back(first == last ? std::to_string(first) : fmt::format("{}-{}", first, last));
  }
  return fmt::format("{}", fmt::join(texts, ", "));
}

std::string RangeText(const char* word, uint32_t first, uint32_t last) {
  return first == last ? fmt::format("{} {}", word, first)
                       : fmt::format("{} {}-{}", word, first, last);
}

// Keys of types and codes: whole types together, else type by type.
std::string TypesText(const Stretches<uint32_t>& keys) {
  if (IsAll(keys)) return "any";
  std::vector<std::string> texts;
  for (const auto& stretch : keys) {
    uint32_t first = stretch.first;
    while (first <= stretch.last) {
      const uint32_t type = first >> 8;
      if ((first & 0xff) == 0 && first + 0xff <= stretch.last) {
        const uint32_t last_type = ((stretch.last + 1) >> 8) - 1;
        texts.push_back(RangeText("type", type, last_type));
        first = (last_type + 1) << 8;
        continue;
      }
      const uint32_t last = std::min(stretch.last, type << 8 | 0xff);
      texts.push_back(
          fmt::format("type {} {}", type, RangeText("code", first & 0xff, last & 0xff)));
      first = last + 1;
    }
  }
  return fmt::format("{}", fmt::join(texts, ", "));
}

struct Sign {
  const char* text;
  Colour colour;
};

Sign SignOf(const PacketLine& line) {
  if (line.was.verdict == line.becomes.verdict) return {"~", Colour::kYellow};
  if (line.becomes.verdict == Verdict::kPass) return {"+", Colour::kGreen};
  return {"-", Colour::kRed};
}

bool IsIcmpOnly(const ProtocolSet& protocols) {
  static const ProtocolSet kIcmp = ProtocolSet().set(1).set(58);
  return (protocols & ~kIcmp).none();
}

// "any in dynamic set blocked", "partners and outside dynamic set blocked", "any but partners, in
// dynamic set blocked"
std::string WithDynamic(const std::string& addresses, const DynamicEnd& end) {
  std::vector<std::string> parts;
  for (const std::string& set : end.in) parts.push_back("in dynamic set " + set);
  for (const std::string& set : end.outside) parts.push_back("outside dynamic set " + set);
  if (parts.empty()) return addresses;
  const char* join = addresses.starts_with("any but ") ? ", " : " and ";
  if (addresses.starts_with("any") && *join != ',') join = " ";
  return fmt::format("{}{}{}", addresses, join, fmt::join(parts, " and "));
}

// Both ends as text; which family it is, where neither would say.
std::pair<std::string, std::string> EndTexts(const PacketLine& line, const AddressText& names) {
  EndText from = names.Of(line.from, kShownTerms);
  const EndText to = names.Of(line.to, kShownTerms);
  if (!from.tells_family && !to.tells_family) from.text += line.from.of[0] ? " (IPv4)" : " (IPv6)";
  return {WithDynamic(from.text, line.from_dynamic), WithDynamic(to.text, line.to_dynamic)};
}

std::string PacketTable(const PolicyDifference& difference, size_t count) {
  std::vector<std::vector<std::string>> rows = {
      {"", "INTERFACE", "DIRECTION", "FROM", "TO", "PROTOCOL", "PORTS", "WAS", "BECOMES"}};
  for (size_t i = 0; i < count; ++i) {
    const PacketLine& line = difference.packets[i];
    const auto [from, to] = EndTexts(line, difference.names);
    rows.push_back({SignOf(line).text, line.interface,
                    fmt::format("{}{}", ToString(line.direction), line.answer ? ", answers" : ""),
                    from, to, ProtocolsText(line.protocols), ServiceText(line), ToString(line.was),
                    ToString(line.becomes)});
  }
  const std::string table = AlignedTable(rows);
  std::string text;
  size_t row = 0;
  for (size_t begin = 0; begin < table.size(); ++row) {
    const size_t end = table.find('\n', begin);
    const std::string line = table.substr(begin, end - begin);
    text +=
        "  " + (row == 0 ? line : Paint(stdout, SignOf(difference.packets[row - 1]).colour, line));
    text += "\n";
    begin = end + 1;
  }
  return text;
}

std::string RuleLine(const RuleChange& change) {
  const bool added = change.kind == RuleChange::Kind::kAdded;
  const bool removed = change.kind == RuleChange::Kind::kRemoved;
  std::string text = fmt::format("{} {} {}",
                                 added     ? "+"
                                 : removed ? "-"
                                           : "~",
                                 change.rule, ToString(change.direction));
  if (!change.details.empty()) text += ": " + change.details;
  if (!change.place.empty()) text += fmt::format(" ({})", change.place);
  const Colour colour = added ? Colour::kGreen : removed ? Colour::kRed : Colour::kYellow;
  return "  " + Paint(stdout, colour, text) + "\n";
}

std::string PropertyLine(const PropertyChange& change) {
  const std::string of =
      change.interface.empty() ? change.property : change.interface + " " + change.property;
  return fmt::format("  {} {} ({})\n", Paint(stdout, Colour::kYellow, "~"),
                     fmt::format("{}: {} -> {}", of, change.was, change.becomes), change.effect);
}

std::string UnknownText(const UnknownLine& line) {
  std::string text = fmt::format("  ? {} {}{} {}", line.interface, ToString(line.direction),
                                 line.answer ? ", answers," : "", ProtocolsText(line.protocols));
  if (!IsAll(line.services)) {
    text += IsIcmpOnly(line.protocols) ? " " + TypesText(line.services)
                                       : " ports " + PortsText(line.services);
  }
  if (line.families[0] != line.families[1]) text += line.families[0] ? " (IPv4)" : " (IPv6)";
  return text + "\n";
}

std::string LeftOut(size_t all, size_t shown) {
  if (all == shown) return "";
  return fmt::format("  ... and {} more (--limit 0 shows all)\n", all - shown);
}

size_t Shown(size_t all, size_t limit) { return limit == 0 ? all : std::min(all, limit); }

size_t CountOf(const PolicyDifference& difference, RuleChange::Kind kind) {
  return static_cast<size_t>(std::ranges::count(difference.rules, kind, &RuleChange::kind));
}

}  // namespace

std::string ProtocolsText(const ProtocolSet& protocols) {
  if (protocols.all()) return "any";
  const bool most = protocols.count() > protocols.size() / 2;
  std::string text;
  for (size_t protocol = 0; protocol < protocols.size(); ++protocol) {
    if (protocols.test(protocol) == most) continue;
    if (!text.empty()) text += ", ";
    text += ProtocolWord(static_cast<uint8_t>(protocol));
  }
  return (most ? "any but " : "") + text;
}

std::string ServiceText(const PacketLine& line) {
  if (IsIcmpOnly(line.protocols)) return TypesText(line.services);
  if (IsAll(line.source_ports)) return PortsText(line.services);
  return fmt::format("{} to {}", PortsText(line.source_ports), PortsText(line.services));
}

std::string TextOf(const PolicyDifference& difference, size_t limit) {
  std::string text;
  if (!difference.properties.empty()) text += "properties:\n";
  for (const PropertyChange& change : difference.properties) text += PropertyLine(change);
  if (!difference.rules.empty() || difference.reordered) text += "rules:\n";
  const size_t rules = Shown(difference.rules.size(), limit);
  for (size_t i = 0; i < rules; ++i) text += RuleLine(difference.rules[i]);
  text += LeftOut(difference.rules.size(), rules);
  if (difference.reordered) text += "  ~ rules that stay are judged in another order\n";
  if (!difference.packets.empty()) {
    text += "packets:\n";
    const size_t packets = Shown(difference.packets.size(), limit);
    text += PacketTable(difference, packets);
    text += LeftOut(difference.packets.size(), packets);
  }
  if (!difference.complete()) {
    text += "not worked out, since the policies differ in too many ways; there may be more of:\n";
    for (const UnknownLine& line : difference.unknown) text += UnknownText(line);
  }
  return text + SummaryOf(difference) + "\n";
}

std::string SummaryOf(const PolicyDifference& difference) {
  std::vector<std::string> rules;
  const auto add = [](std::vector<std::string>& parts, size_t count, const char* what) {
    if (count > 0) parts.push_back(fmt::format("{} {}", count, what));
  };
  add(rules, CountOf(difference, RuleChange::Kind::kAdded), "added");
  add(rules, CountOf(difference, RuleChange::Kind::kRemoved), "removed");
  add(rules, CountOf(difference, RuleChange::Kind::kChanged), "changed");
  if (difference.reordered) rules.emplace_back("in another order");
  size_t pass = 0, drop = 0, other = 0;
  for (const PacketLine& line : difference.packets) {
    if (line.was.verdict == line.becomes.verdict) {
      ++other;
    } else {
      ++(line.becomes.verdict == Verdict::kPass ? pass : drop);
    }
  }
  std::vector<std::string> packets;
  add(packets, pass, pass == 1 ? "line passes now" : "lines pass now");
  add(packets, drop, drop == 1 ? "line drops now" : "lines drop now");
  add(packets, other, other == 1 ? "line is decided otherwise" : "lines are decided otherwise");
  std::vector<std::string> parts;
  add(parts, difference.properties.size(),
      difference.properties.size() == 1 ? "property differs" : "properties differ");
  if (!rules.empty()) parts.push_back(fmt::format("rules: {}", fmt::join(rules, ", ")));
  if (!packets.empty()) {
    parts.push_back(fmt::format("packets: {}{}", difference.complete() ? "" : "at least ",
                                fmt::join(packets, ", ")));
  } else if (difference.complete()) {
    parts.emplace_back(parts.empty() ? "no difference"
                                     : "no packet's fate changes by addresses and ports");
  }
  return fmt::format("{}", fmt::join(parts, "; "));
}

}  // namespace portmatrix
