// SPDX-License-Identifier: Apache-2.0
// From the policy of one node to the map image: the same table with names replaced by numbers.
// Pure.
#ifndef PORTMATRIX_AGENT_COMPILE_COMPILE_H_
#define PORTMATRIX_AGENT_COMPILE_COMPILE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/compile/matchers.h"
#include "agent/compile/numbering.h"
#include "agent/policy/model.h"
#include "maps/image.h"

namespace portmatrix {

struct Compilation {
  Image image;
  // By rule index of the image; pointers into the compiled node.
  std::vector<const Rule*> rules;
};

// Every name of `node` must have its number. `generation` stamps conversations and fragments.
// Nothing, with the reason in `*limit`, if a table would outgrow its limit. `most_dense_words`
// chooses the form of the tables (matchers.h), never what they say.
std::optional<Compilation> Compile(const Node& node, const Numbering& numbering,
                                   uint64_t generation, std::string* limit,
                                   size_t most_dense_words = kMostDenseWords,
                                   const TableLimits& limits = {});

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_COMPILE_COMPILE_H_
