// SPDX-License-Identifier: Apache-2.0
// Reads addresses: the values of `from`, `to` and `local`, and the sets.
#ifndef PORTMATRIX_AGENT_POLICY_SET_READER_H_
#define PORTMATRIX_AGENT_POLICY_SET_READER_H_

#include <map>
#include <string>
#include <string_view>

#include "agent/policy/diagnostic.h"
#include "agent/policy/list_files.h"
#include "agent/policy/policy.h"
#include "agent/policy/yaml_tree.h"

namespace portmatrix {

// `any`, a set name, a prefix, or a list of these.
AddressTerms ReadAddresses(const YamlNode& value, std::string_view thing, Diagnostics& diagnostics);

// The value of `sets` in `document`, added to `sets`. False if a name could not be read.
bool ReadSets(const YamlNode& value, const SourceFile& document, ListFiles& lists,
              std::map<std::string, WrittenSet>& sets, Diagnostics& diagnostics);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_SET_READER_H_
