// SPDX-License-Identifier: Apache-2.0
// What --policy, --node, --interface and --direction choose: the interface whose rules a packet
// meets.
#ifndef PORTMATRIX_TOOLS_POLICY_CHOICE_H_
#define PORTMATRIX_TOOLS_POLICY_CHOICE_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "agent/policy/model.h"
#include "tools/command.h"
#include "tools/loaded_policy.h"

namespace portmatrix {

struct PolicyChoice {
  std::unique_ptr<LoadedPolicy> loaded;
  const Node* node = nullptr;  // in `loaded`
  size_t index = 0;            // of the interface on the node

  const Interface& interface() const { return node->interfaces[index]; }
};

// Reads --policy and finds --node and --interface in it; either may be left out where there is only
// one. Says on stderr what is wrong. kExitOk, kExitFailure, kExitUsage or kExitInvalidPolicy.
int ChoosePolicy(const Command& command, PolicyChoice* choice);

// Finds --node in a policy without errors, in the same way.
int ChooseNode(const Command& command, const LoadedPolicy& loaded, const Node** node);

// Finds --interface on the chosen node, in the same way.
int ChooseInterface(const Command& command, PolicyChoice* choice);

// --direction; nothing if it is not given. False, with the usage on stderr, if it is neither `in`
// nor `out`.
bool ChooseDirection(const Command& command, std::optional<Direction>* direction);

// "a, b and c", for messages that list what there is.
std::string Listed(const std::vector<std::string>& names);

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_POLICY_CHOICE_H_
