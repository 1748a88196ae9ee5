// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "agent/policy/fields.h"
#include "agent/policy/list_files.h"
#include "agent/policy/matrix_reader.h"
#include "agent/policy/node_reader.h"
#include "agent/policy/set_reader.h"
#include "agent/policy/suggestion.h"
#include "agent/policy/yaml_tree.h"

namespace portmatrix {
namespace {

// Adds `item` to `items` unless one of its name is there.
template <typename Named>
void AddNamed(Named item, const char* thing, std::vector<Named>& items, Diagnostics& diagnostics) {
  const auto twin = std::ranges::find(items, item.name, &Named::name);
  if (twin != items.end()) {
    diagnostics
        .Error(fmt::format("duplicate-{}", thing), item.span,
               fmt::format("{} `{}` is defined twice", thing, item.name), "rename one")
        .notes.push_back({twin->span, "the first one"});
    return;
  }
  items.push_back(std::move(item));
}

void ReportUnknownDocument(const YamlNode& document, Diagnostics& diagnostics) {
  const std::vector<std::string> kinds = {"matrix", "node", "sets"};
  std::string hint = "begin it with `matrix: NAME`, `node: NAME` or `sets:`";
  for (const YamlNode& key : document.keys) {
    const std::string nearest = Nearest(key.text, kinds);
    if (!nearest.empty()) hint = fmt::format("did you mean `{}`, not `{}`?", nearest, key.text);
  }
  diagnostics.Error("unknown-document", document.span,
                    "this document is neither a matrix, a node nor sets", hint);
}

class Reading {
 public:
  Reading(const Sources& sources, Diagnostics& diagnostics)
      : sources_(sources), diagnostics_(diagnostics), lists_(sources, diagnostics) {}

  void ReadFile(uint32_t number) {
    const SourceFile& source = sources_.documents[number];
    const YamlFile file = ParseYaml(source.text, number, diagnostics_);
    if (!file.whole) policy_.complete = false;
    for (const YamlNode& document : file.documents) ReadDocument(document, source);
  }

  Policy Take() { return std::move(policy_); }

 private:
  void ReadDocument(const YamlNode& document, const SourceFile& source) {
    if (document.Find("matrix") != nullptr) {
      auto matrix = ReadMatrix(document, policy_.complete, diagnostics_);
      if (matrix) {
        AddNamed(std::move(*matrix), "matrix", policy_.matrices, diagnostics_);
      } else {
        policy_.complete = false;
      }
    } else if (document.Find("node") != nullptr) {
      auto node = ReadNode(document, source, lists_, policy_.complete, diagnostics_);
      if (node) {
        AddNamed(std::move(*node), "node", policy_.nodes, diagnostics_);
      } else {
        policy_.complete = false;
      }
    } else if (document.Find("sets") != nullptr) {
      Fields fields(document, "a document of shared sets", diagnostics_);
      if (!ReadSets(*fields.Take("sets"), source, lists_, policy_.sets, diagnostics_)) {
        policy_.complete = false;
      }
      fields.Finish();
    } else {
      ReportUnknownDocument(document, diagnostics_);
      policy_.complete = false;
    }
  }

  const Sources& sources_;
  Diagnostics& diagnostics_;
  ListFiles lists_;
  Policy policy_;
};

}  // namespace

Policy ReadPolicy(const Sources& sources, Diagnostics& diagnostics) {
  Reading reading(sources, diagnostics);
  for (uint32_t number = 0; number < sources.documents.size(); ++number) reading.ReadFile(number);
  return reading.Take();
}

std::vector<ListFile> ListFilesNamedIn(const Sources& sources) {
  std::set<ListFile> lists;
  Diagnostics ignored;
  for (uint32_t number = 0; number < sources.documents.size(); ++number) {
    const SourceFile& source = sources.documents[number];
    // Reading costs most of what a change of a large policy costs the command. A key that is not
    // written out stands in double quotes, with escapes.
    if (source.text.find("file") == std::string::npos &&
        source.text.find('\\') == std::string::npos)
      continue;
    for (const YamlNode& document : ParseYaml(source.text, number, ignored).documents) {
      const YamlNode* sets = document.Find("sets");
      if (sets == nullptr) continue;
      for (const YamlNode& set : sets->items) {
        const YamlNode* file = set.Find("file");
        if (file == nullptr || file->kind != YamlNode::Kind::kText) continue;
        if (auto located = LocateList(source, file->text)) lists.insert(std::move(*located));
      }
    }
  }
  return {lists.begin(), lists.end()};
}

}  // namespace portmatrix
