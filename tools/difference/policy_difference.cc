// SPDX-License-Identifier: Apache-2.0
#include "tools/difference/policy_difference.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "agent/policy/diagnostic.h"
#include "agent/policy/moment.h"
#include "agent/policy/named_sets.h"
#include "agent/rule_changes.h"
#include "tools/rule_text.h"

namespace portmatrix {
namespace {

// A rule by its stable name, as rule_changes.h writes it: "interface/matrix/id direction".
std::map<std::string, const Rule*> RulesByName(const Node& node) {
  std::map<std::string, const Rule*> rules;
  for (const Interface& interface : node.interfaces) {
    for (const Rule& rule : interface.rules) {
      rules.emplace(rule.key + " " + ToString(rule.direction), &rule);
    }
  }
  return rules;
}

std::string EndChange(const char* name, const AddressSet& was_set, const AddressSet& is_set,
                      const std::string& was, const std::string& is) {
  if (was_set == is_set) return "";
  if (was == is) return fmt::format("{} {}: other addresses", name, was);
  return fmt::format("{} {} -> {}", name, was, is);
}

std::string ExpiryText(const Rule& rule) {
  return rule.expires ? MomentText(*rule.expires) : "never";
}

// What is otherwise in a rule of the same name.
std::string Details(const Rule& was, const Rule& is) {
  std::vector<std::string> parts;
  const auto add = [&](const char* name, const std::string& before, const std::string& after) {
    if (before != after) parts.push_back(fmt::format("{} {} -> {}", name, before, after));
  };
  for (const std::string& part :
       {EndChange("from", was.match.from, is.match.from, was.text().from, is.text().from),
        EndChange("to", was.match.to, is.match.to, was.text().to, is.text().to)}) {
    if (!part.empty()) parts.push_back(part);
  }
  add("protocol", ProtocolText(was.match), ProtocolText(is.match));
  const bool icmp = was.match.icmp_type || is.match.icmp_type;
  add(icmp ? "icmp" : "ports", PortText(was.match), PortText(is.match));
  add("action", ToString(was.action), ToString(is.action));
  add("log", was.log ? "true" : "false", is.log ? "true" : "false");
  add("expires", ExpiryText(was), ExpiryText(is));
  add("state", StateText(was.state), StateText(is.state));
  return fmt::format("{}", fmt::join(parts, "; "));
}

std::string PlaceOf(const DifferenceSide& side, const Rule& rule) {
  if (side.sources == nullptr) return "";
  return fmt::format("{}:{}", FileOf(*side.sources, rule.span).path, rule.span.line);
}

void CompareRules(const DifferenceSide& before, const Node& was, const DifferenceSide& after,
                  const Node& is, PolicyDifference& difference) {
  const RuleChanges changes = ChangesBetween(was, is);
  const auto old_rules = RulesByName(was);
  const auto new_rules = RulesByName(is);
  const auto add = [&](RuleChange::Kind kind, const DifferenceSide& side, const Rule& rule) {
    difference.rules.push_back({kind, rule.key, rule.direction, PlaceOf(side, rule), ""});
  };
  for (const std::string& name : changes.removed) {
    add(RuleChange::Kind::kRemoved, before, *old_rules.at(name));
  }
  for (const std::string& name : changes.changed) {
    const Rule& rule = *new_rules.at(name);
    add(RuleChange::Kind::kChanged, after, rule);
    difference.rules.back().details = Details(*old_rules.at(name), rule);
  }
  for (const std::string& name : changes.added) {
    add(RuleChange::Kind::kAdded, after, *new_rules.at(name));
  }
  difference.reordered = changes.reordered;
}

// Both families in one line where the same of both is not known.
std::vector<UnknownLine> UnknownLines(const std::vector<UnknownFates>& unknown) {
  std::vector<UnknownLine> lines;
  for (const UnknownFates& fates : unknown) {
    const PacketServices& packets = fates.packets;
    const auto same = std::ranges::find_if(lines, [&](const UnknownLine& line) {
      return line.interface == fates.interface && line.direction == fates.direction &&
             line.answer == fates.answer && line.protocols == packets.protocols &&
             line.services == packets.services;
    });
    UnknownLine& line = same != lines.end() ? *same : lines.emplace_back();
    line.interface = fates.interface;
    line.direction = fates.direction;
    line.answer = fates.answer;
    line.families[packets.family == Family::kIpv4 ? 0 : 1] = true;
    line.protocols = packets.protocols;
    line.services = packets.services;
  }
  return lines;
}

// Puts IPv4 and IPv6 into one line where a reader would say both in one sentence.
class Families {
 public:
  Families(const AddressText& names, const std::vector<std::string>& live_sets)
      : names_(names), live_sets_(live_sets) {}

  std::vector<PacketLine> Join(const std::vector<FateChange>& changes) {
    for (const FateChange& change : changes) {
      const size_t family = change.region.family == Family::kIpv4 ? 0 : 1;
      const auto [group, added] = groups_.try_emplace(KeyOf(change), Group());
      if (added) order_.push_back(&group->second);
      group->second[family].push_back(&change);
    }
    for (Group* group : order_) JoinGroup(*group);
    return std::move(lines_);
  }

 private:
  using Group = std::array<std::vector<const FateChange*>, 2>;

  static std::string KeyOf(const FateChange& change) {
    std::string key = fmt::format("{} {} {} {} {} {}|", change.interface,
                                  ToString(change.direction), change.answer, ToString(change.was),
                                  ToString(change.becomes), change.region.protocols.to_string());
    for (const auto* keys : {&change.region.services, &change.region.source_ports}) {
      for (const auto& [first, last] : *keys) key += fmt::format("{}-{},", first, last);
      key += "|";
    }
    for (const LiveSide* live : {&change.region.from_live, &change.region.to_live}) {
      if (live->known != 0) key += fmt::format("{:x},{:x}", live->known, live->held);
      key += "|";
    }
    return key;
  }

  // First those of which both ends read alike, then what is left if one does and is alone.
  void JoinGroup(Group& group) {
    auto& [ipv4, ipv6] = group;
    std::vector<const FateChange*> partners(ipv4.size(), nullptr);
    for (size_t i = 0; i < ipv4.size() && !ipv6.empty(); ++i) {
      const auto partner = std::ranges::find_if(ipv6, [&](const FateChange* other) {
        return ReadsAlike(ipv4[i]->region.from, other->region.from) &&
               ReadsAlike(ipv4[i]->region.to, other->region.to);
      });
      if (partner == ipv6.end()) continue;
      partners[i] = *partner;
      ipv6.erase(partner);
    }
    if (std::ranges::count(partners, nullptr) == 1 && ipv6.size() == 1) {
      const auto alone =
          static_cast<size_t>(std::ranges::find(partners, nullptr) - partners.begin());
      const PacketRegion& region = ipv4[alone]->region;
      if (ReadsAlike(region.from, ipv6[0]->region.from) ||
          ReadsAlike(region.to, ipv6[0]->region.to)) {
        partners[alone] = ipv6[0];
        ipv6.clear();
      }
    }
    for (size_t i = 0; i < ipv4.size(); ++i) Add(ipv4[i], partners[i]);
    for (const FateChange* change : ipv6) Add(change, nullptr);
  }

  using Addresses = std::shared_ptr<const AddressStretches>;

  bool ReadsAlike(const Addresses& ipv4, const Addresses& ipv6) {
    return TextOf(ipv4, 0) == TextOf(ipv6, 1);
  }

  const std::string& TextOf(const Addresses& addresses, size_t family) {
    const auto [known, added] = texts_.try_emplace(addresses.get());
    std::string& text = known->second;
    if (!added) return text;
    constexpr size_t kEnough = 8;  // beyond that nothing reads alike but by chance
    End end;
    end.of[family] = *addresses;
    text = names_.Of(end, kEnough).text;
    for (size_t at; (at = text.find(" (IPv")) != std::string::npos;) text.erase(at, 7);
    return text;
  }

  void Add(const FateChange* change, const FateChange* partner) {
    PacketLine& line = lines_.emplace_back();
    line.interface = change->interface;
    line.direction = change->direction;
    line.answer = change->answer;
    line.protocols = change->region.protocols;
    line.services = change->region.services;
    line.source_ports = change->region.source_ports;
    line.from_dynamic = DynamicEndOf(change->region.from_live);
    line.to_dynamic = DynamicEndOf(change->region.to_live);
    line.was = change->was;
    line.becomes = change->becomes;
    for (const FateChange* each : {change, partner}) {
      if (each == nullptr) continue;
      const size_t family = each->region.family == Family::kIpv4 ? 0 : 1;
      line.from.of[family] = *each->region.from;
      line.to.of[family] = *each->region.to;
    }
  }

  // What is known of an end's dynamic sets, by their names.
  DynamicEnd DynamicEndOf(const LiveSide& live) const {
    DynamicEnd end;
    for (size_t set = 0; set < live_sets_.size(); ++set) {
      if ((live.known >> set & 1) == 0) continue;
      ((live.held >> set & 1) != 0 ? end.in : end.outside).push_back(live_sets_[set]);
    }
    return end;
  }

  const AddressText& names_;
  const std::vector<std::string>& live_sets_;
  std::unordered_map<std::string, Group> groups_;
  std::vector<Group*> order_;
  std::unordered_map<const AddressStretches*, std::string> texts_;
  std::vector<PacketLine> lines_;
};

}  // namespace

PolicyDifference ComparePolicies(const DifferenceSide& before, const DifferenceSide& after,
                                 const FateQuestion& question, WorkBudget budget) {
  static const Node kNothing;
  const Node& was = before.node != nullptr ? *before.node : kNothing;
  const Node& is = after.node != nullptr ? *after.node : kNothing;
  const auto sets = [](const DifferenceSide& side) {
    return side.policy == nullptr ? std::map<std::string, AddressSet>()
                                  : NamedSets(*side.policy, side.node->name);
  };
  PolicyDifference difference;
  difference.node = after.node != nullptr ? is.name : was.name;
  difference.names = AddressText(sets(before), sets(after));
  difference.properties = PropertyChanges(was, is, difference.names);
  CompareRules(before, was, after, is, difference);
  const FateChanges changes = CompareFates(was, is, question, budget);
  difference.unknown = UnknownLines(changes.unknown);
  difference.packets = Families(difference.names, changes.live_sets).Join(changes.changes);
  return difference;
}

}  // namespace portmatrix
