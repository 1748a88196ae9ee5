// SPDX-License-Identifier: Apache-2.0
// What a change does to the rules, by their stable keys.
#ifndef PORTMATRIX_AGENT_RULE_CHANGES_H_
#define PORTMATRIX_AGENT_RULE_CHANGES_H_

#include <string>
#include <vector>

#include "agent/policy/model.h"
#include "agent/stored_generation.h"

namespace portmatrix {

// Rules as "interface/matrix/id direction", in the order of the node that has them.
struct RuleChanges {
  std::vector<std::string> added;
  std::vector<std::string> removed;
  std::vector<std::string> changed;  // what they match or do, or whether they are active
  bool reordered = false;            // of those that stay, some stand in another order
};

RuleChanges ChangesBetween(const Node& before, const Node& after);

// The same for the history, with the place of each rule: `files` are those of a policy in the order
// of its spans (documents, then lists).
StoredChanges ToStore(const RuleChanges& changes, const Node& before,
                      const std::vector<std::string>& files_before, const Node& after,
                      const std::vector<std::string>& files_after);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_RULE_CHANGES_H_
