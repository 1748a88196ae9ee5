// SPDX-License-Identifier: Apache-2.0
// The search tree of the services that an ordered list of rules tells apart, and of the source
// ports below them.
#ifndef PORTMATRIX_AGENT_COMPILE_SERVICE_TREE_H_
#define PORTMATRIX_AGENT_COMPILE_SERVICE_TREE_H_

#include <cstdint>
#include <vector>

#include "agent/compile/search_tree.h"
#include "agent/policy/model.h"

namespace portmatrix {

// A rule or failsafe entry, and the value (PM_VALUE) that stands for it.
struct Candidate {
  const Match* match = nullptr;
  uint32_t value = 0;
};

// The reference of a tree that gives the first of `candidates` to match a service. Their addresses
// are not looked at.
uint32_t AddServiceTree(const std::vector<Candidate>& candidates, TreeTable* trees);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_COMPILE_SERVICE_TREE_H_
