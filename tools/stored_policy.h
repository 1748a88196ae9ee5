// SPDX-License-Identifier: Apache-2.0
// Where the rules of a generation in force were written: the agent keeps the files of each in its
// state directory.
#ifndef PORTMATRIX_TOOLS_STORED_POLICY_H_
#define PORTMATRIX_TOOLS_STORED_POLICY_H_

#include <optional>
#include <string>

#include "maps/layout.h"
#include "maps/numbering.h"

namespace portmatrix {

struct RulePlace {
  std::string file;
  uint32_t line = 0;
  uint32_t column = 0;
};

// The place of a rule of `generation`, by the files that were stored for it. Nothing, with the
// reason in `*why`, if they are not there or are not those.
std::optional<RulePlace> FindStoredPlace(const std::string& state_dir,
                                         const pm_generation& generation, const RuleIdentity& rule,
                                         std::string* why);

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_STORED_POLICY_H_
