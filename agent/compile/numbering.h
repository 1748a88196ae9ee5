// SPDX-License-Identifier: Apache-2.0
// Gives the names of a node their stable numbers (maps/numbering.h).
#ifndef PORTMATRIX_AGENT_COMPILE_NUMBERING_H_
#define PORTMATRIX_AGENT_COMPILE_NUMBERING_H_

#include <string>

#include "agent/policy/model.h"
#include "maps/numbering.h"

namespace portmatrix {

// Adds to `numbering` the lowest free numbers for all names of `node` that have none. False, and
// nothing changed, if one of the limits does not suffice; `*what` then says which, in words.
bool NumberNode(const Node& node, const NumberingLimits& limits, Numbering* numbering,
                std::string* what);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_COMPILE_NUMBERING_H_
