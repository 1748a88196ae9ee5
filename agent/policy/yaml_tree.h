// SPDX-License-Identifier: Apache-2.0
// YAML as the policy language uses it: maps, lists and text, each with its place. Nothing is typed
// here (`no`, `0777` and
// `~` are text), keys are unique, and what hides meaning (anchors, aliases, tags) is refused.
#ifndef PORTMATRIX_AGENT_POLICY_YAML_TREE_H_
#define PORTMATRIX_AGENT_POLICY_YAML_TREE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/policy/diagnostic.h"

namespace portmatrix {

struct YamlNode {
  enum class Kind : uint8_t {
    kAbsent,
    kText,
    kList,
    kMap
  };  // kAbsent: nothing stands behind the key
  Kind kind = Kind::kAbsent;
  bool quoted = false;          // text in quotes or a block
  std::string text;             // kText
  std::vector<YamlNode> keys;   // kMap: texts, keys[i] belongs to items[i]
  std::vector<YamlNode> items;  // kList, kMap
  Span span;                    // ends with the line at the latest

  // The value of `key` in a map, or null.
  const YamlNode* Find(std::string_view key) const;
};

// The documents of one file, without empty ones. Problems go to `diagnostics`; where YAML itself is
// broken, or too deep, the documents before that place are returned and `whole` is false.
struct YamlFile {
  std::vector<YamlNode> documents;
  bool whole = true;
};
YamlFile ParseYaml(std::string_view text, uint32_t file, Diagnostics& diagnostics);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_YAML_TREE_H_
