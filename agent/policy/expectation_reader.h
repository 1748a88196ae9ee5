// SPDX-License-Identifier: Apache-2.0
// Reads one entry of a node's `expect`.
#ifndef PORTMATRIX_AGENT_POLICY_EXPECTATION_READER_H_
#define PORTMATRIX_AGENT_POLICY_EXPECTATION_READER_H_

#include <optional>

#include "agent/policy/diagnostic.h"
#include "agent/policy/policy.h"
#include "agent/policy/yaml_tree.h"

namespace portmatrix {

// Nothing if something in it is wrong.
std::optional<WrittenExpectation> ReadExpectation(const YamlNode& value, Diagnostics& diagnostics);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_EXPECTATION_READER_H_
