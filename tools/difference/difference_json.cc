// SPDX-License-Identifier: Apache-2.0
#include "tools/difference/difference_json.h"

#include <algorithm>
#include <string>
#include <vector>

#include "agent/policy/service_reader.h"
#include "tools/difference/difference_text.h"

namespace portmatrix {
namespace {

using nlohmann::ordered_json;

constexpr size_t kShownTerms = 64;

size_t Shown(size_t all, size_t limit) { return limit == 0 ? all : std::min(all, limit); }

const char* KindWord(RuleChange::Kind kind) {
  switch (kind) {
    case RuleChange::Kind::kRemoved:
      return "removed";
    case RuleChange::Kind::kChanged:
      return "changed";
    case RuleChange::Kind::kAdded:
      return "added";
  }
  return "changed";
}

ordered_json PropertyJson(const PropertyChange& change) {
  ordered_json json;
  json["interface"] = change.interface.empty() ? ordered_json() : ordered_json(change.interface);
  json["property"] = change.property;
  json["was"] = change.was;
  json["becomes"] = change.becomes;
  json["effect"] = change.effect;
  return json;
}

ordered_json RuleJson(const RuleChange& change) {
  ordered_json json;
  json["change"] = KindWord(change.kind);
  json["rule"] = change.rule;
  json["direction"] = ToString(change.direction);
  json["place"] = change.place.empty() ? ordered_json() : ordered_json(change.place);
  json["details"] = change.details.empty() ? ordered_json() : ordered_json(change.details);
  return json;
}

ordered_json EndJson(const End& end, const DynamicEnd& dynamic, const AddressText& names) {
  ordered_json json;
  json["text"] = names.Of(end, kShownTerms).text;
  static constexpr const char* kWords[] = {"ipv4", "ipv6"};
  for (size_t family = 0; family < 2; ++family) {
    ordered_json prefixes = ordered_json::array();
    if (end.of[family]) {
      for (const Prefix& prefix : PrefixesOf(*end.of[family])) prefixes.push_back(ToString(prefix));
    }
    json[kWords[family]] = std::move(prefixes);
  }
  json["in_dynamic"] = dynamic.in;
  json["outside_dynamic"] = dynamic.outside;
  return json;
}

ordered_json RangesJson(const Stretches<uint32_t>& values) {
  if (values.size() == 1 && values[0].first == 0 && values[0].last == 0xffff) return "any";
  ordered_json list = ordered_json::array();
  for (const auto& [first, last] : values) list.push_back({first, last});
  return list;
}

// From one type and code to another: [[type, code], [type, code]].
ordered_json TypesJson(const Stretches<uint32_t>& keys) {
  if (keys.size() == 1 && keys[0].first == 0 && keys[0].last == 0xffff) return "any";
  ordered_json list = ordered_json::array();
  for (const auto& [first, last] : keys) {
    list.push_back(ordered_json::array({ordered_json::array({first >> 8, first & 0xff}),
                                        ordered_json::array({last >> 8, last & 0xff})}));
  }
  return list;
}

ordered_json ProtocolsJson(const ProtocolSet& protocols) {
  if (protocols.all()) return "any";
  ordered_json list = ordered_json::array();
  for (size_t protocol = 0; protocol < protocols.size(); ++protocol) {
    if (protocols.test(protocol)) list.push_back(protocol);
  }
  return list;
}

ordered_json FateJson(const Fate& fate) {
  if (!fate.judged) return ordered_json();
  ordered_json json;
  json["verdict"] = fate.verdict == Verdict::kPass ? "allow" : "drop";
  json["reason"] = ReasonWord(fate.reason);
  json["rule"] = fate.rule == nullptr ? ordered_json() : ordered_json(fate.rule->key);
  return json;
}

bool AnyOf(const ProtocolSet& protocols, bool (*is)(uint8_t)) {
  for (size_t protocol = 0; protocol < protocols.size(); ++protocol) {
    if (protocols.test(protocol) && is(static_cast<uint8_t>(protocol))) return true;
  }
  return false;
}

ordered_json PacketJson(const PacketLine& line, const AddressText& names) {
  const bool ports = AnyOf(line.protocols, HasPorts);
  const bool icmp = AnyOf(line.protocols, IsIcmp);
  ordered_json json;
  json["interface"] = line.interface;
  json["direction"] = ToString(line.direction);
  json["packets"] = line.answer ? "answers" : "openings";
  json["from"] = EndJson(line.from, line.from_dynamic, names);
  json["to"] = EndJson(line.to, line.to_dynamic, names);
  json["protocols"] = ProtocolsJson(line.protocols);
  json["ports"] = ports ? RangesJson(line.services) : ordered_json();
  json["source_ports"] = ports ? RangesJson(line.source_ports) : ordered_json();
  // Where ports are told apart no ICMP is in the line, and the other way round.
  json["icmp"] = icmp ? TypesJson(line.services) : ordered_json();
  json["was"] = FateJson(line.was);
  json["becomes"] = FateJson(line.becomes);
  return json;
}

ordered_json UnknownJson(const UnknownLine& line) {
  ordered_json json;
  json["interface"] = line.interface;
  json["direction"] = ToString(line.direction);
  json["packets"] = line.answer ? "answers" : "openings";
  json["families"] = ordered_json::array();
  if (line.families[0]) json["families"].push_back("ipv4");
  if (line.families[1]) json["families"].push_back("ipv6");
  const bool ports = AnyOf(line.protocols, HasPorts);
  const bool icmp = AnyOf(line.protocols, IsIcmp);
  json["protocols"] = ProtocolsJson(line.protocols);
  json["ports"] = ports ? RangesJson(line.services) : ordered_json();
  json["icmp"] = icmp ? TypesJson(line.services) : ordered_json();
  return json;
}

}  // namespace

ordered_json JsonOf(const PolicyDifference& difference, size_t limit) {
  const auto count = [&](RuleChange::Kind kind) {
    return std::ranges::count(difference.rules, kind, &RuleChange::kind);
  };
  ordered_json json;
  json["node"] = difference.node;
  json["changes_fate"] = difference.changes_fate();
  json["complete"] = difference.complete();
  json["properties"] = ordered_json::array();
  for (const PropertyChange& change : difference.properties)
    json["properties"].push_back(PropertyJson(change));
  ordered_json& rules = json["rules"];
  rules["added"] = count(RuleChange::Kind::kAdded);
  rules["removed"] = count(RuleChange::Kind::kRemoved);
  rules["changed"] = count(RuleChange::Kind::kChanged);
  rules["reordered"] = difference.reordered;
  rules["list"] = ordered_json::array();
  for (size_t i = 0; i < Shown(difference.rules.size(), limit); ++i)
    rules["list"].push_back(RuleJson(difference.rules[i]));
  ordered_json& packets = json["packets"];
  packets["lines"] = difference.packets.size();
  packets["list"] = ordered_json::array();
  for (size_t i = 0; i < Shown(difference.packets.size(), limit); ++i)
    packets["list"].push_back(PacketJson(difference.packets[i], difference.names));
  packets["unknown"] = ordered_json::array();
  for (const UnknownLine& line : difference.unknown)
    packets["unknown"].push_back(UnknownJson(line));
  return json;
}

}  // namespace portmatrix
