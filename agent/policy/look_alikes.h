// SPDX-License-Identifier: Apache-2.0
// The lint of names that are easily mistaken for each other. Two names of one kind and place (the
// sets that a node sees, the rules of a matrix, matrices, nodes, a node's interfaces) look alike if
//   1. they read the same: `-` and `_`, `0` and `o`, `1` and `l`, `rn` and `m`, `vv` and `w`;
//   2. two neighbouring letters have changed places (`partners`, `partnesr`);
//   3. one letter or dash is missing (`partner`, `partners`), but for rules, whose ids nothing else
//      names and which `http-in` and `https-in` tell apart well.
// 2 and 3 hold for names of five characters or more. Numbers tell names apart on purpose (`edge1`,
// `edge2`): names that differ in digits alone do not look alike.
#ifndef PORTMATRIX_AGENT_POLICY_LOOK_ALIKES_H_
#define PORTMATRIX_AGENT_POLICY_LOOK_ALIKES_H_

#include "agent/policy/diagnostic.h"
#include "agent/policy/policy.h"

namespace portmatrix {

void FindLookAlikes(const Policy& policy, Diagnostics& diagnostics);  // `look-alike-names`

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_LOOK_ALIKES_H_
