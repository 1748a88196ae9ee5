// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/policy.h"

#include <algorithm>

namespace portmatrix {

const WrittenMatrix* Policy::FindMatrix(std::string_view name) const {
  const auto found = std::ranges::find(matrices, name, &WrittenMatrix::name);
  return found == matrices.end() ? nullptr : &*found;
}

const WrittenNode* Policy::FindNode(std::string_view name) const {
  const auto found = std::ranges::find(nodes, name, &WrittenNode::name);
  return found == nodes.end() ? nullptr : &*found;
}

const WrittenSet* Policy::FindSet(const WrittenNode& node, const std::string& name) const {
  if (const auto own = node.sets.find(name); own != node.sets.end()) return &own->second;
  const auto shared = sets.find(name);
  return shared == sets.end() ? nullptr : &shared->second;
}

}  // namespace portmatrix
