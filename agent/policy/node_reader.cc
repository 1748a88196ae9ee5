// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/node_reader.h"

#include "agent/policy/expectation_reader.h"
#include "agent/policy/fields.h"
#include "agent/policy/interface_reader.h"
#include "agent/policy/scalar.h"
#include "agent/policy/service_reader.h"
#include "agent/policy/set_reader.h"

namespace portmatrix {
namespace {

WrittenFailsafe ReadFailsafeEntry(const YamlNode& value, Diagnostics& diagnostics) {
  WrittenFailsafe entry;
  entry.span = value.span;
  Fields fields(value, "failsafe entry", diagnostics);
  entry.from.broken = true;
  if (const YamlNode* from =
          fields.Require("from", "add `from:` with those who must never be locked out")) {
    entry.from = ReadAddresses(*from, "from", diagnostics);
  }
  if (const YamlNode* to = fields.Take("to")) entry.to = ReadAddresses(*to, "to", diagnostics);
  entry.service = ReadService(fields, diagnostics);
  fields.Finish();
  return entry;
}

void ReadFailsafe(const YamlNode* value, const Span& node, WrittenNode& result,
                  Diagnostics& diagnostics) {
  constexpr const char* kHint =
      "write `failsafe: none`, or a list like `- {protocol: tcp, ports: 22, from: 192.0.2.0/28}`";
  if (value == nullptr) {
    diagnostics.Error("missing-failsafe", node, "node has no `failsafe`", kHint);
  } else if (value->kind == YamlNode::Kind::kText && value->text == "none") {
    return;
  } else if (value->kind != YamlNode::Kind::kList || value->items.empty()) {
    diagnostics.Error("missing-failsafe", value->span,
                      "failsafe should be `none` or a list of entries", kHint);
  } else {
    for (const YamlNode& item : value->items) {
      result.failsafe.push_back(ReadFailsafeEntry(item, diagnostics));
    }
  }
}

}  // namespace

std::optional<WrittenNode> ReadNode(const YamlNode& document, const SourceFile& source,
                                    ListFiles& lists, bool& complete, Diagnostics& diagnostics) {
  WrittenNode node;
  Fields fields(document, "node", diagnostics);
  const YamlNode* name_value = fields.Take("node");
  const auto name = ReadName(*name_value, "a node", diagnostics);
  if (const YamlNode* sets = fields.Take("sets")) {
    if (!ReadSets(*sets, source, lists, node.sets, diagnostics)) complete = false;
  }
  const YamlNode* failsafe = fields.Take("failsafe");
  ReadFailsafe(failsafe, name_value->span, node, diagnostics);
  const YamlNode* interfaces = fields.Require("interfaces", "add `interfaces:` with at least one");
  if (interfaces != nullptr &&
      Expect(*interfaces, YamlNode::Kind::kMap, "interfaces", diagnostics)) {
    if (interfaces->keys.empty()) {
      diagnostics.Error("empty-list", interfaces->span, "a node needs at least one interface");
    }
    for (size_t i = 0; i < interfaces->keys.size(); ++i) {
      const YamlNode& key = interfaces->keys[i];
      if (CheckName(key.text, key.span, "an interface", diagnostics)) {
        node.interfaces.push_back(ReadInterface(key, interfaces->items[i], diagnostics));
      } else {
        complete = false;
      }
    }
  } else {
    complete = false;
  }
  const YamlNode* expect = fields.Take("expect");
  if (expect != nullptr && Expect(*expect, YamlNode::Kind::kList, "expect", diagnostics)) {
    for (const YamlNode& item : expect->items) {
      if (auto expectation = ReadExpectation(item, diagnostics)) {
        node.expectations.push_back(std::move(*expectation));
      }
    }
  }
  fields.Finish();
  if (!name) return std::nullopt;
  node.name = *name;
  node.span = name_value->span;
  return node;
}

}  // namespace portmatrix
