// SPDX-License-Identifier: Apache-2.0
// A map read by its schema: each key is asked for once, and what nobody asked for is an unknown
// key.
#ifndef PORTMATRIX_AGENT_POLICY_FIELDS_H_
#define PORTMATRIX_AGENT_POLICY_FIELDS_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/policy/diagnostic.h"
#include "agent/policy/yaml_tree.h"

namespace portmatrix {

class Fields {
 public:
  // `thing` names the map in messages: "rule", "interface". A node that is no map is reported, and
  // is as if empty. `map` must outlive the object.
  Fields(const YamlNode& map, std::string thing, Diagnostics& diagnostics);

  // The value of `key`, or null. `key` must outlive the object.
  const YamlNode* Take(const char* key);
  // The same; reports the key if it is missing.
  const YamlNode* Require(const char* key, std::string_view hint = "");
  // Reports every key that was not asked for.
  void Finish();

  bool is_map() const { return map_.kind == YamlNode::Kind::kMap; }
  const Span& span() const { return map_.span; }

 private:
  const YamlNode& map_;
  const std::string thing_;
  Diagnostics& diagnostics_;
  std::vector<const char*> asked_;
};

// The items of a list, or the value itself as the only one. Reports an absent value, and a list
// that is empty unless `may_be_empty`.
std::span<const YamlNode> OneOrMany(const YamlNode& value, std::string_view thing,
                                    bool may_be_empty, Diagnostics& diagnostics);

// "text", "a list", "a map" or "nothing", for messages.
const char* KindWord(YamlNode::Kind kind);

// Reports `wrong-type` unless `value` is of `kind`.
bool Expect(const YamlNode& value, YamlNode::Kind kind, std::string_view thing,
            Diagnostics& diagnostics);
// The same; what is expected is "an entry of `thing`".
bool ExpectEntry(const YamlNode& value, YamlNode::Kind kind, std::string_view thing,
                 Diagnostics& diagnostics);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_FIELDS_H_
