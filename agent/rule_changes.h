// SPDX-License-Identifier: Apache-2.0
// What a change does to the rules, by their stable keys.
#ifndef PORTMATRIX_AGENT_RULE_CHANGES_H_
#define PORTMATRIX_AGENT_RULE_CHANGES_H_

#include <string>
#include <vector>

#include "agent/policy/model.h"

namespace portmatrix {

// Rules as "interface/matrix/id direction", in the order of the node that has them.
struct RuleChanges {
  std::vector<std::string> added;
  std::vector<std::string> removed;
  std::vector<std::string> changed;  // what they match or do, or whether they are active
  bool reordered = false;            // of those that stay, some stand in another order
};

RuleChanges ChangesBetween(const Node& before, const Node& after);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_RULE_CHANGES_H_
