// SPDX-License-Identifier: Apache-2.0
// Reads a document that is a node.
#ifndef PORTMATRIX_AGENT_POLICY_NODE_READER_H_
#define PORTMATRIX_AGENT_POLICY_NODE_READER_H_

#include <optional>

#include "agent/policy/diagnostic.h"
#include "agent/policy/list_files.h"
#include "agent/policy/policy.h"
#include "agent/policy/yaml_tree.h"

namespace portmatrix {

// The node, written in the file `source`; sets `complete` to false if the name of something in it
// could not be read. Nothing without its own name.
std::optional<WrittenNode> ReadNode(const YamlNode& document, const SourceFile& source,
                                    ListFiles& lists, bool& complete, Diagnostics& diagnostics);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_NODE_READER_H_
