// SPDX-License-Identifier: Apache-2.0
// Reads one entry of a node's `interfaces`.
#ifndef PORTMATRIX_AGENT_POLICY_INTERFACE_READER_H_
#define PORTMATRIX_AGENT_POLICY_INTERFACE_READER_H_

#include "agent/policy/diagnostic.h"
#include "agent/policy/policy.h"
#include "agent/policy/yaml_tree.h"

namespace portmatrix {

// `name` has been checked.
WrittenInterface ReadInterface(const YamlNode& name, const YamlNode& value,
                               Diagnostics& diagnostics);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_INTERFACE_READER_H_
