// SPDX-License-Identifier: Apache-2.0
#include "agent/rule_changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>
#include <string_view>
#include <unordered_set>
#include <utility>

namespace portmatrix {
namespace {

struct ByIdentity {
  size_t operator()(const Rule* rule) const {
    return std::hash<std::string_view>()(rule->key) * 2 + static_cast<size_t>(rule->direction);
  }
  bool operator()(const Rule* a, const Rule* b) const {
    return a->key == b->key && a->direction == b->direction;
  }
};
using Rules = std::unordered_set<const Rule*, ByIdentity, ByIdentity>;

Rules RulesOf(const Node& node) {
  Rules rules;
  for (const Interface& interface : node.interfaces)
    for (const Rule& rule : interface.rules) rules.insert(&rule);
  return rules;
}

std::string NameOf(const Rule& rule) { return rule.key + " " + ToString(rule.direction); }

bool Same(const Match& a, const Match& b) {
  return a.from == b.from && a.to == b.to && a.any_protocol == b.any_protocol &&
         a.protocols == b.protocols && a.ports == b.ports && a.source_ports == b.source_ports &&
         a.icmp_type == b.icmp_type && a.icmp_code == b.icmp_code;
}

bool Same(const Rule& a, const Rule& b) {
  return a.action == b.action && a.state == b.state && a.log == b.log && a.expires == b.expires &&
         Same(a.match, b.match);
}

void AddLines(const char* change, const std::vector<std::string>& names, const Node& node,
              const std::vector<std::string>& files, std::vector<StoredChanges::Line>* lines) {
  const size_t room = StoredChanges::kMaxLines - lines->size();
  const std::set<std::string> wanted(
      names.begin(), names.begin() + static_cast<ptrdiff_t>(std::min(room, names.size())));
  if (wanted.empty()) return;
  for (const Interface& interface : node.interfaces) {
    for (const Rule& rule : interface.rules) {
      std::string name = NameOf(rule);
      if (!wanted.contains(name)) continue;
      lines->push_back({change, std::move(name),
                        rule.span.file < files.size()
                            ? fmt::format("{}:{}", files[rule.span.file], rule.span.line)
                            : ""});
    }
  }
}

}  // namespace

RuleChanges ChangesBetween(const Node& before, const Node& after) {
  const Rules old_rules = RulesOf(before);
  const Rules new_rules = RulesOf(after);
  RuleChanges changes;
  std::vector<const Rule*> old_order, new_order;
  for (const Interface& interface : before.interfaces) {
    for (const Rule& rule : interface.rules) {
      if (new_rules.contains(&rule))
        old_order.push_back(&rule);
      else
        changes.removed.push_back(NameOf(rule));
    }
  }
  for (const Interface& interface : after.interfaces) {
    for (const Rule& rule : interface.rules) {
      const auto found = old_rules.find(&rule);
      if (found == old_rules.end()) {
        changes.added.push_back(NameOf(rule));
        continue;
      }
      new_order.push_back(&rule);
      if (!Same(**found, rule)) changes.changed.push_back(NameOf(rule));
    }
  }
  changes.reordered = !std::ranges::equal(old_order, new_order, ByIdentity());
  return changes;
}

StoredChanges ToStore(const RuleChanges& changes, const Node& before,
                      const std::vector<std::string>& files_before, const Node& after,
                      const std::vector<std::string>& files_after) {
  StoredChanges stored;
  stored.added = changes.added.size();
  stored.removed = changes.removed.size();
  stored.changed = changes.changed.size();
  stored.reordered = changes.reordered;
  AddLines("removed", changes.removed, before, files_before, &stored.lines);
  AddLines("added", changes.added, after, files_after, &stored.lines);
  AddLines("changed", changes.changed, after, files_after, &stored.lines);
  return stored;
}

}  // namespace portmatrix
