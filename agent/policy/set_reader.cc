// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/set_reader.h"

#include <fmt/format.h>

#include <variant>

#include "agent/policy/fields.h"
#include "agent/policy/limits.h"
#include "agent/policy/prefix_text.h"
#include "agent/policy/scalar.h"

namespace portmatrix {
namespace {

bool ReadTerm(const YamlNode& value, std::string_view thing, AddressTerm& term,
              Diagnostics& diagnostics) {
  if (!ExpectEntry(value, YamlNode::Kind::kText, thing, diagnostics)) return false;
  term.span = value.span;
  if (value.text == "any") {
    term.kind = AddressTerm::Kind::kAny;
    return true;
  }
  if (value.text == "none") {
    diagnostics.Error("reserved-name", value.span, "`none` names no addresses",
                      "write `any`, a set or a prefix");
    return false;
  }
  if (LooksLikePrefix(value.text)) {
    const auto parsed = ParsePrefix(value.text);
    if (const auto* problem = std::get_if<PrefixProblem>(&parsed)) {
      diagnostics.Error("bad-prefix", value.span, problem->message, problem->hint);
      return false;
    }
    term.kind = AddressTerm::Kind::kPrefix;
    term.prefix = std::get<Prefix>(parsed);
    return true;
  }
  term.kind = AddressTerm::Kind::kSet;
  term.name = value.text;
  return CheckName(value.text, value.span, "a set", diagnostics);
}

AddressTerms ReadTerms(const YamlNode& value, std::string_view thing, bool may_be_empty,
                       Diagnostics& diagnostics) {
  AddressTerms result;
  result.span = value.span;
  const size_t errors = diagnostics.errors();
  const auto items = OneOrMany(value, thing, may_be_empty, diagnostics);
  result.terms.reserve(items.size());
  for (const YamlNode& item : items) {
    AddressTerm term;
    if (!ReadTerm(item, thing, term, diagnostics)) continue;
    if (!result.text.empty()) result.text += ", ";
    result.text += item.text;
    result.terms.push_back(std::move(term));
  }
  result.broken = diagnostics.errors() > errors;
  return result;
}

// How many entries a dynamic set has room for.
uint32_t ReadLiveMax(const YamlNode& value, Diagnostics& diagnostics) {
  const auto max = ParseNumber(value.text, kMaxLiveEntries);
  if (max && *max > 0) return *max;
  if (Expect(value, YamlNode::Kind::kText, "max", diagnostics)) {
    diagnostics.Error("bad-number", value.span,
                      fmt::format("`{}` is no number of entries from 1 to {}", value.text,
                                  kMaxLiveEntries),
                      "what is larger and seldom changes belongs into a list file: `file: PATH`");
  }
  return kDefaultLiveEntries;
}

WrittenSet ReadDynamicSet(const YamlNode& key, const YamlNode& value, Diagnostics& diagnostics) {
  WrittenSet set{key.text, key.span, {}, kDefaultLiveEntries};
  set.content.span = value.span;
  Fields fields(value, "dynamic set", diagnostics);
  (void)ReadWord(*fields.Take("dynamic"), "value of dynamic", Words<bool>{{"true", true}}, diagnostics);
  if (const YamlNode* max = fields.Take("max")) set.live_max = ReadLiveMax(*max, diagnostics);
  fields.Finish();
  return set;
}

AddressTerms ReadListedSet(const YamlNode& value, const SourceFile& document, ListFiles& lists,
                           Diagnostics& diagnostics) {
  AddressTerms result;
  result.span = value.span;
  result.broken = true;
  Fields fields(value, "set", diagnostics);
  const YamlNode* file = fields.Require(
      "file", "write `file: PATH`, `dynamic: true` for entries that come at run time, or a list of "
              "prefixes");
  fields.Finish();
  if (file == nullptr || !Expect(*file, YamlNode::Kind::kText, "file", diagnostics)) return result;
  const auto located = LocateList(document, file->text);
  if (!located) {
    diagnostics.Error(
        "bad-path", file->span,
        fmt::format("`{}` does not lead to a file inside the policy's tree", file->text),
        "write a path relative to this file's folder");
    return result;
  }
  const ListFiles::List* list = lists.Read(located->path);
  if (list == nullptr) {
    diagnostics.Error("missing-file", file->span, fmt::format("there is no file {}", located->path),
                      "paths are relative to this file's folder");
    return result;
  }
  result.listed = list->prefixes;
  result.text = file->text;
  result.broken = list->broken;
  return result;
}

}  // namespace

AddressTerms ReadAddresses(const YamlNode& value, std::string_view thing,
                           Diagnostics& diagnostics) {
  return ReadTerms(value, thing, false, diagnostics);
}

bool ReadSets(const YamlNode& value, const SourceFile& document, ListFiles& lists,
              std::map<std::string, WrittenSet>& sets, Diagnostics& diagnostics) {
  if (!Expect(value, YamlNode::Kind::kMap, "sets", diagnostics)) return false;
  bool all_named = true;
  for (size_t i = 0; i < value.keys.size(); ++i) {
    const YamlNode& key = value.keys[i];
    const YamlNode& content = value.items[i];
    if (key.text == "any" || key.text == "none") {
      diagnostics.Error("reserved-name", key.span,
                        fmt::format("a set may not be called `{}`", key.text),
                        "`any` and `none` are reserved; choose another name");
      continue;
    }
    if (!CheckName(key.text, key.span, "a set", diagnostics)) {
      all_named = false;
      continue;
    }
    WrittenSet set{key.text, key.span, {}};
    if (content.kind != YamlNode::Kind::kMap) {
      set.content = ReadTerms(content, fmt::format("set `{}`", key.text), true, diagnostics);
    } else if (content.Find("dynamic") != nullptr) {
      set = ReadDynamicSet(key, content, diagnostics);
    } else {
      set.content = ReadListedSet(content, document, lists, diagnostics);
    }
    const auto [twin, added] = sets.emplace(key.text, std::move(set));
    if (!added) {
      diagnostics
          .Error("duplicate-set", key.span, fmt::format("set `{}` is defined twice", key.text),
                 "rename one, or join them")
          .notes.push_back({twin->second.span, "the first one"});
    }
  }
  return all_named;
}

}  // namespace portmatrix
