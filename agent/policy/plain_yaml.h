// SPDX-License-Identifier: Apache-2.0
// YAML as policies are written, read in one pass: block maps and lists of plain words, one-line
// quotes and flow lists, with comments between them. It reads some thirty times faster than the
// library (tests/bench/README.md has the figures), which still reads everything else and alone says
// what is wrong with a text; tests hold that both make the same tree of the same text.
#ifndef PORTMATRIX_AGENT_POLICY_PLAIN_YAML_H_
#define PORTMATRIX_AGENT_POLICY_PLAIN_YAML_H_

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "agent/policy/yaml_tree.h"

namespace portmatrix {

// The documents of `text` (UTF-8 that CheckText lets pass, without a byte order mark), without
// empty ones. Nothing where the text has anything but the forms above, or is broken.
std::optional<std::vector<YamlNode>> ReadPlainYaml(std::string_view text, uint32_t file);

// ParseYaml (yaml_tree.h) by the library alone, without this shortcut: for the tests that hold one
// against the other.
YamlFile ParseYamlByLibrary(std::string_view text, uint32_t file, Diagnostics& diagnostics);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_PLAIN_YAML_H_
