// SPDX-License-Identifier: Apache-2.0
#include "agent/rule_changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>
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
using RuleList = std::vector<const Rule*>;
using RuleSet = std::unordered_set<const Rule*, ByIdentity, ByIdentity>;

RuleList RulesOf(const Node& node) {
  RuleList rules;
  for (const Interface& interface : node.interfaces)
    for (const Rule& rule : interface.rules) rules.push_back(&rule);
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
  std::string name;  // NameOf each rule, in the same memory
  for (const Interface& interface : node.interfaces) {
    for (const Rule& rule : interface.rules) {
      name.assign(rule.key).append(" ").append(ToString(rule.direction));
      if (!wanted.contains(name)) continue;
      lines->push_back({change, name,
                        rule.span.file < files.size()
                            ? fmt::format("{}:{}", files[rule.span.file], rule.span.line)
                            : ""});
    }
  }
}

}  // namespace

RuleChanges ChangesBetween(const Node& before, const Node& after) {
  const RuleList old_rules = RulesOf(before), new_rules = RulesOf(after);
  // Most changes leave most rules where they are: what begins and ends alike is not looked up.
  const ByIdentity same;
  const auto [old_begin, new_begin] =
      std::mismatch(old_rules.begin(), old_rules.end(), new_rules.begin(), new_rules.end(), same);
  const auto [old_rend, new_rend] =
      std::mismatch(old_rules.rbegin(), std::make_reverse_iterator(old_begin), new_rules.rbegin(),
                    std::make_reverse_iterator(new_begin), same);
  const RuleSet old_middle(old_begin, old_rend.base()), new_middle(new_begin, new_rend.base());

  RuleChanges changes;
  RuleList old_order, new_order;  // of the middle
  for (const Rule* rule : RuleList(old_begin, old_rend.base())) {
    if (new_middle.contains(rule))
      old_order.push_back(rule);
    else
      changes.removed.push_back(NameOf(*rule));
  }
  const auto compare = [&](const Rule& old_rule, const Rule& new_rule) {
    if (!Same(old_rule, new_rule)) changes.changed.push_back(NameOf(new_rule));
  };
  for (auto old_rule = old_rules.begin(); old_rule != old_begin; ++old_rule)
    compare(**old_rule, *new_rules[static_cast<size_t>(old_rule - old_rules.begin())]);
  for (const Rule* rule : RuleList(new_begin, new_rend.base())) {
    const auto found = old_middle.find(rule);
    if (found == old_middle.end()) {
      changes.added.push_back(NameOf(*rule));
      continue;
    }
    new_order.push_back(rule);
    compare(**found, *rule);
  }
  for (auto old_rule = old_rend.base(), new_rule = new_rend.base(); old_rule != old_rules.end();
       ++old_rule, ++new_rule)
    compare(**old_rule, **new_rule);
  changes.reordered = !std::ranges::equal(old_order, new_order, same);
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
