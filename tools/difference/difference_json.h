// SPDX-License-Identifier: Apache-2.0
// A policy's difference for programs; stable, numbers exact. tools/README.md says what each key
// holds.
#ifndef PORTMATRIX_TOOLS_DIFFERENCE_DIFFERENCE_JSON_H_
#define PORTMATRIX_TOOLS_DIFFERENCE_DIFFERENCE_JSON_H_

#include <cstddef>
#include <nlohmann/json.hpp>

#include "tools/difference/policy_difference.h"

namespace portmatrix {

// {"node", "changes_fate", "complete", "properties": [...], "rules": {"added": N, "removed": N,
// "changed": N, "reordered": B, "list": [...]}, "packets": {"lines": N, "list": [...]}}. At most
// `limit` entries in each list (zero: all); the numbers count all.
nlohmann::ordered_json JsonOf(const PolicyDifference& difference, size_t limit);

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_DIFFERENCE_DIFFERENCE_JSON_H_
