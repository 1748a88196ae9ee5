// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/matrix_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "agent/policy/fields.h"
#include "agent/policy/lint.h"
#include "agent/policy/scalar.h"
#include "agent/policy/service_reader.h"
#include "agent/policy/set_reader.h"
#include "agent/policy/suggestion.h"

namespace portmatrix {
namespace {

using Way = WrittenRule::Way;

void ReadIgnored(const YamlNode& entry, WrittenRule& rule, Diagnostics& diagnostics) {
  if (entry.kind == YamlNode::Kind::kText) {
    diagnostics.Error("missing-reason", entry.span, "an ignored lint needs a reason",
                      fmt::format("write `- {}: why`", entry.text));
    return;
  }
  if (!Expect(entry, YamlNode::Kind::kMap, "an entry of ignore", diagnostics)) return;
  for (size_t i = 0; i < entry.keys.size(); ++i) {
    const YamlNode& name = entry.keys[i];
    const std::vector<std::string> known(RuleLints().begin(), RuleLints().end());
    if (std::ranges::find(known, name.text) == known.end()) {
      diagnostics.Error("unknown-lint", name.span,
                        fmt::format("there is no lint `{}` of rules", name.text),
                        DidYouMean(name.text, known));
      continue;
    }
    if (const auto reason = ReadText(entry.items[i], "the reason", diagnostics)) {
      rule.ignore.emplace(name.text, *reason);
    }
  }
}

void ReadOptions(Fields& fields, WrittenRule& rule, Diagnostics& diagnostics) {
  if (const YamlNode* value = fields.Take("action")) {
    static const Words<Action> kWords = {{"allow", Action::kAllow}, {"deny", Action::kDeny}};
    rule.action = ReadWord(*value, "action", kWords, diagnostics).value_or(Action::kDeny);
  }
  if (const YamlNode* value = fields.Take("direction")) {
    static const Words<Way> kWords = {{"in", Way::kIn}, {"out", Way::kOut}, {"both", Way::kBoth}};
    rule.way = ReadWord(*value, "direction", kWords, diagnostics);
    rule.way_span = value->span;
  }
  if (const YamlNode* value = fields.Take("log")) {
    rule.log = ReadBool(*value, "log", diagnostics).value_or(false);
  }
  if (const YamlNode* value = fields.Take("enabled")) {
    rule.enabled = ReadBool(*value, "enabled", diagnostics).value_or(false);
  }
  if (const YamlNode* value = fields.Take("expires")) {
    rule.expires = ReadMoment(*value, "expires", diagnostics);
  }
  if (const YamlNode* value = fields.Take("description")) {
    rule.description = ReadText(*value, "description", diagnostics).value_or("");
  }
  if (const YamlNode* value = fields.Take("ignore")) {
    if (Expect(*value, YamlNode::Kind::kList, "ignore", diagnostics)) {
      for (const YamlNode& entry : value->items) ReadIgnored(entry, rule, diagnostics);
    }
  }
}

std::optional<WrittenRule> ReadRule(const YamlNode& value, Diagnostics& diagnostics) {
  const size_t errors = diagnostics.errors();
  WrittenRule rule;
  Fields fields(value, "rule", diagnostics);
  const YamlNode* id = fields.Require("id", "add `id: NAME`; the rule's counter is kept under it");
  if (const YamlNode* from = fields.Require("from", "add `from: any`, a set or a prefix")) {
    rule.from = ReadAddresses(*from, "from", diagnostics);
  }
  if (const YamlNode* to = fields.Require("to", "add `to: any`, a set or a prefix")) {
    rule.to = ReadAddresses(*to, "to", diagnostics);
  }
  rule.service = ReadService(fields, diagnostics);
  ReadOptions(fields, rule, diagnostics);
  fields.Finish();
  const auto name = id != nullptr ? ReadName(*id, "a rule", diagnostics) : std::nullopt;
  if (!name) return std::nullopt;
  rule.id = *name;
  rule.span = id->span;
  rule.broken = diagnostics.errors() > errors;
  return rule;
}

}  // namespace

std::optional<WrittenMatrix> ReadMatrix(const YamlNode& document, bool& complete,
                                        Diagnostics& diagnostics) {
  WrittenMatrix matrix;
  Fields fields(document, "matrix", diagnostics);
  const YamlNode* name_value = fields.Take("matrix");
  const auto name = ReadName(*name_value, "a matrix", diagnostics);
  if (const YamlNode* value = fields.Take("description")) {
    matrix.description = ReadText(*value, "description", diagnostics).value_or("");
  }
  const YamlNode* rules = fields.Require("rules", "add `rules:` and a list of rules");
  if (rules != nullptr && Expect(*rules, YamlNode::Kind::kList, "rules", diagnostics)) {
    std::unordered_map<std::string_view, Span> ids;  // of texts in the document
    ids.reserve(rules->items.size());
    matrix.rules.reserve(rules->items.size());
    for (const YamlNode& item : rules->items) {
      auto rule = ReadRule(item, diagnostics);
      if (!rule) {
        complete = false;
        continue;
      }
      const auto [twin, added] = ids.emplace(item.Find("id")->text, rule->span);
      if (!added) {
        diagnostics
            .Error("duplicate-rule", rule->span,
                   fmt::format("rule `{}` stands twice in this matrix", rule->id),
                   "give each rule an id of its own")
            .notes.push_back({twin->second, "the first one"});
        continue;
      }
      matrix.rules.push_back(std::move(*rule));
    }
  } else {
    complete = false;
  }
  fields.Finish();
  if (!name) return std::nullopt;
  matrix.name = *name;
  matrix.span = name_value->span;
  return matrix;
}

}  // namespace portmatrix
