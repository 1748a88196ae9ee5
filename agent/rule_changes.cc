// SPDX-License-Identifier: Apache-2.0
#include "agent/rule_changes.h"

#include <map>
#include <utility>

namespace portmatrix {
namespace {

using Rules = std::vector<std::pair<std::string, const Rule*>>;

Rules RulesOf(const Node& node) {
  Rules rules;
  for (const Interface& interface : node.interfaces)
    for (const Rule& rule : interface.rules)
      rules.emplace_back(rule.key + " " + ToString(rule.direction), &rule);
  return rules;
}

bool Same(const Match& a, const Match& b) {
  return a.from == b.from && a.to == b.to && a.any_protocol == b.any_protocol &&
         a.protocols == b.protocols && a.ports == b.ports && a.source_ports == b.source_ports &&
         a.icmp_type == b.icmp_type && a.icmp_code == b.icmp_code;
}

bool Same(const Rule& a, const Rule& b) {
  return a.action == b.action && a.state == b.state && a.log == b.log && a.expires == b.expires &&
         Same(a.match, b.match);
}

}  // namespace

RuleChanges ChangesBetween(const Node& before, const Node& after) {
  const Rules old_rules = RulesOf(before);
  const Rules new_rules = RulesOf(after);
  const std::map<std::string, const Rule*> old_by_name(old_rules.begin(), old_rules.end());
  const std::map<std::string, const Rule*> new_by_name(new_rules.begin(), new_rules.end());
  RuleChanges changes;
  std::vector<std::string> old_order, new_order;
  for (const auto& [name, rule] : old_rules) {
    if (new_by_name.contains(name))
      old_order.push_back(name);
    else
      changes.removed.push_back(name);
  }
  for (const auto& [name, rule] : new_rules) {
    const auto found = old_by_name.find(name);
    if (found == old_by_name.end()) {
      changes.added.push_back(name);
      continue;
    }
    new_order.push_back(name);
    if (!Same(*found->second, *rule)) changes.changed.push_back(name);
  }
  changes.reordered = old_order != new_order;
  return changes;
}

}  // namespace portmatrix
