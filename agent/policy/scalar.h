// SPDX-License-Identifier: Apache-2.0
// Single values: names, numbers, words, moments. Each function reports what is wrong, with the
// place and a hint, and then returns nothing. `thing` names the value in messages.
#ifndef PORTMATRIX_AGENT_POLICY_SCALAR_H_
#define PORTMATRIX_AGENT_POLICY_SCALAR_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/policy/diagnostic.h"
#include "agent/policy/yaml_tree.h"

namespace portmatrix {

// [a-z0-9][a-z0-9_-]{0,62}
bool IsName(std::string_view text);
std::optional<std::string> ReadName(const YamlNode& value, std::string_view thing,
                                    Diagnostics& diagnostics);
// Reports a bad name; for keys of maps, which are names as well.
bool CheckName(const std::string& name, const Span& span, std::string_view thing,
               Diagnostics& diagnostics);

// Any text but an empty one.
std::optional<std::string> ReadText(const YamlNode& value, std::string_view thing,
                                    Diagnostics& diagnostics);

// Decimal, no sign, no leading zeros, at most `limit`.
std::optional<uint32_t> ParseNumber(std::string_view text, uint32_t limit);
std::optional<uint32_t> ReadNumber(const YamlNode& value, std::string_view thing, uint32_t limit,
                                   Diagnostics& diagnostics);

std::optional<bool> ReadBool(const YamlNode& value, std::string_view thing,
                             Diagnostics& diagnostics);

// One of several words, each standing for a value.
template <typename Value>
using Words = std::vector<std::pair<const char*, Value>>;
std::optional<size_t> ReadWordIndex(const YamlNode& value, std::string_view thing,
                                    const std::vector<std::string>& words,
                                    Diagnostics& diagnostics);
template <typename Value>
std::optional<Value> ReadWord(const YamlNode& value, std::string_view thing,
                              const Words<Value>& words, Diagnostics& diagnostics) {
  std::vector<std::string> known;
  for (const auto& [word, meaning] : words) known.emplace_back(word);
  const auto index = ReadWordIndex(value, thing, known, diagnostics);
  if (!index) return std::nullopt;
  return words[*index].second;
}

// RFC 3339 in UTC with whole seconds, 2027-01-31T00:00:00Z, as seconds since 1970.
std::optional<int64_t> ReadMoment(const YamlNode& value, std::string_view thing,
                                  Diagnostics& diagnostics);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_SCALAR_H_
