// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/fields.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/policy/suggestion.h"

namespace portmatrix {

Fields::Fields(const YamlNode& map, std::string thing, Diagnostics& diagnostics)
    : map_(map), thing_(std::move(thing)), diagnostics_(diagnostics) {
  asked_.reserve(16);  // more than any map has but a few
  Expect(map, YamlNode::Kind::kMap, thing_, diagnostics);
}

const YamlNode* Fields::Take(const char* key) {
  asked_.push_back(key);
  return is_map() ? map_.Find(key) : nullptr;
}

const YamlNode* Fields::Require(const char* key, std::string_view hint) {
  const YamlNode* value = Take(key);
  if (value == nullptr && is_map()) {
    diagnostics_.Error("missing-key", map_.span, fmt::format("{} has no `{}`", thing_, key),
                       hint.empty() ? fmt::format("add `{}: ...`", key) : std::string(hint));
  }
  return value;
}

void Fields::Finish() {
  for (const YamlNode& key : map_.keys) {
    if (std::ranges::find(asked_, std::string_view(key.text)) != asked_.end()) continue;
    diagnostics_.Error("unknown-key", key.span, fmt::format("{} has no key `{}`", thing_, key.text),
                       DidYouMean(key.text, {asked_.begin(), asked_.end()}));
  }
}

std::span<const YamlNode> OneOrMany(const YamlNode& value, std::string_view thing,
                                    bool may_be_empty, Diagnostics& diagnostics) {
  if (value.kind == YamlNode::Kind::kText) return {&value, 1};
  if (value.kind != YamlNode::Kind::kList) {
    diagnostics.Error(
        "wrong-type", value.span,
        fmt::format("{} should be text or a list, here is {}", thing, KindWord(value.kind)));
    return {};
  }
  if (value.items.empty() && !may_be_empty) {
    diagnostics.Error("empty-list", value.span, fmt::format("{} is an empty list", thing),
                      "name at least one, or remove the key");
  }
  return value.items;
}

const char* KindWord(YamlNode::Kind kind) {
  switch (kind) {
    case YamlNode::Kind::kAbsent:
      return "nothing";
    case YamlNode::Kind::kText:
      return "text";
    case YamlNode::Kind::kList:
      return "a list";
    case YamlNode::Kind::kMap:
      return "a map";
  }
  return "nothing";
}

bool Expect(const YamlNode& value, YamlNode::Kind kind, std::string_view thing,
            Diagnostics& diagnostics) {
  if (value.kind == kind) return true;
  diagnostics.Error(
      "wrong-type", value.span,
      fmt::format("{} should be {}, here is {}", thing, KindWord(kind), KindWord(value.kind)));
  return false;
}

bool ExpectEntry(const YamlNode& value, YamlNode::Kind kind, std::string_view thing,
                 Diagnostics& diagnostics) {
  return value.kind == kind ||
         Expect(value, kind, fmt::format("an entry of {}", thing), diagnostics);
}

}  // namespace portmatrix
