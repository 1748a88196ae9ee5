// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/yaml_advice.h"

#include <algorithm>

namespace portmatrix {
namespace {

constexpr YamlAdvice kAdvice[] = {
    {"illegal map value", "a `:` may not stand here",
     "put quotes around text that has `: ` in it; check the indentation"},
    {"end of map not found", "this does not fit into the map above it",
     "check the indentation; quoted text must end its line"},
    {"end of map flow not found", "this `{` list is not closed",
     "add the `}` or a `,` that is missing", true},
    {"end of sequence not found", "this does not fit into the list above it",
     "check the indentation"},
    {"end of sequence flow not found", "this `[` list is not closed",
     "add the `]` or a `,` that is missing", true},
    {kYamlTab, "a tab may not indent", "indent with spaces"},
    {"illegal flow end", "this bracket was never opened", "remove it, or add the opening one"},
    {"illegal block entry", "a `- ` may not stand here", "begin the list on a line of its own"},
    {"unknown token", "no value can begin like this", "put it in quotes"},
    {"the referenced anchor is not defined", "aliases are not supported",
     "put it in quotes if it is text"},
};

}  // namespace

const YamlAdvice* FindYamlAdvice(std::string_view theirs) {
  const auto found = std::ranges::find(kAdvice, theirs, &YamlAdvice::theirs);
  return found == std::end(kAdvice) ? nullptr : &*found;
}

}  // namespace portmatrix
