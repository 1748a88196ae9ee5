// SPDX-License-Identifier: Apache-2.0
// What a generation in force was written as: the agent keeps the files of each in its state
// directory.
#ifndef PORTMATRIX_TOOLS_STORED_POLICY_H_
#define PORTMATRIX_TOOLS_STORED_POLICY_H_

#include <optional>
#include <string>

#include "agent/policy/model.h"
#include "agent/policy/source.h"
#include "maps/layout.h"
#include "maps/numbering.h"

namespace portmatrix {

struct RulePlace {
  std::string file;
  uint32_t line = 0;
  uint32_t column = 0;
};

struct StoredPolicy {
  Sources sources;
  Node node;
};

// The files that were stored for `generation`, and its node. Nothing, with the reason in `*why`, if
// they are not there or are not those.
std::optional<StoredPolicy> ReadStoredPolicy(const std::string& state_dir,
                                             const pm_generation& generation, std::string* why);

// The place of a rule of `generation`, by the same files.
std::optional<RulePlace> FindStoredPlace(const std::string& state_dir,
                                         const pm_generation& generation, const RuleIdentity& rule,
                                         std::string* why);

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_STORED_POLICY_H_
