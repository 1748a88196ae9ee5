// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/scalar.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "agent/policy/fields.h"
#include "agent/policy/limits.h"
#include "agent/policy/moment.h"
#include "agent/policy/suggestion.h"

namespace portmatrix {
namespace {

bool IsNameByte(char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '_' || byte == '-';
}

// `text` with what a name may not have replaced; empty if nothing is left.
std::string NameLike(std::string_view text) {
  std::string name;
  for (char byte : text.substr(0, kMaxNameBytes)) {
    if (byte >= 'A' && byte <= 'Z') byte = static_cast<char>(byte - 'A' + 'a');
    name += IsNameByte(byte) ? byte : '-';
  }
  return IsName(name) ? name : "";
}

}  // namespace

bool IsName(std::string_view text) {
  return !text.empty() && text.size() <= kMaxNameBytes && text[0] != '_' && text[0] != '-' &&
         std::ranges::all_of(text, IsNameByte);
}

bool CheckName(const std::string& name, const Span& span, std::string_view thing,
               Diagnostics& diagnostics) {
  if (IsName(name)) return true;
  const std::string meant = NameLike(name);
  const std::string rule =
      "names are a-z, 0-9, `_` and `-`, begin with a letter or digit, and have at most 63 bytes";
  diagnostics.Error("bad-name", span, fmt::format("`{}` is no name for {}", name, thing),
                    meant.empty() ? rule : fmt::format("write `{}`; {}", meant, rule));
  return false;
}

std::optional<std::string> ReadName(const YamlNode& value, std::string_view thing,
                                    Diagnostics& diagnostics) {
  if (!Expect(value, YamlNode::Kind::kText, thing, diagnostics) ||
      !CheckName(value.text, value.span, thing, diagnostics)) {
    return std::nullopt;
  }
  return value.text;
}

std::optional<std::string> ReadText(const YamlNode& value, std::string_view thing,
                                    Diagnostics& diagnostics) {
  if (!Expect(value, YamlNode::Kind::kText, thing, diagnostics)) return std::nullopt;
  if (value.text.empty()) {
    diagnostics.Error("wrong-type", value.span, fmt::format("{} is empty", thing),
                      "write something, or remove the key");
    return std::nullopt;
  }
  return value.text;
}

std::optional<uint32_t> ParseNumber(std::string_view text, uint32_t limit) {
  if (text.empty() || text.size() > 10 || (text[0] == '0' && text.size() > 1)) return std::nullopt;
  uint64_t number = 0;
  for (const char byte : text) {
    if (byte < '0' || byte > '9') return std::nullopt;
    number = number * 10 + static_cast<uint64_t>(byte - '0');
  }
  if (number > limit) return std::nullopt;
  return static_cast<uint32_t>(number);
}

std::optional<uint32_t> ReadNumber(const YamlNode& value, std::string_view thing, uint32_t limit,
                                   Diagnostics& diagnostics) {
  if (!Expect(value, YamlNode::Kind::kText, thing, diagnostics)) return std::nullopt;
  const auto number = ParseNumber(value.text, limit);
  if (!number) {
    diagnostics.Error(
        "bad-number", value.span,
        fmt::format("`{}` is no number from 0 to {} for {}", value.text, limit, thing),
        "numbers are decimal, without sign and leading zeros");
  }
  return number;
}

std::optional<bool> ReadBool(const YamlNode& value, std::string_view thing,
                             Diagnostics& diagnostics) {
  if (!Expect(value, YamlNode::Kind::kText, thing, diagnostics)) return std::nullopt;
  if (value.text == "true") return true;
  if (value.text == "false") return false;
  std::string lower = value.text;
  std::ranges::transform(lower, lower.begin(), [](char byte) {
    return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte - 'A' + 'a') : byte;
  });
  const auto is_one_of = [&](std::initializer_list<std::string_view> words) {
    return std::ranges::find(words, std::string_view(lower)) != words.end();
  };
  std::string hint = "write `true` or `false`";
  if (is_one_of({"yes", "y", "on", "1", "true"})) hint = "write `true`";
  if (is_one_of({"no", "n", "off", "0", "false"})) hint = "write `false`";
  diagnostics.Error("bad-word", value.span,
                    fmt::format("`{}` is neither true nor false for {}", value.text, thing), hint);
  return std::nullopt;
}

std::optional<size_t> ReadWordIndex(const YamlNode& value, std::string_view thing,
                                    const std::vector<std::string>& words,
                                    Diagnostics& diagnostics) {
  if (!Expect(value, YamlNode::Kind::kText, thing, diagnostics)) return std::nullopt;
  const auto found = std::ranges::find(words, value.text);
  if (found != words.end()) return static_cast<size_t>(found - words.begin());
  const std::string nearest = Nearest(value.text, words);
  const std::string one_of = fmt::format("it is one of: {}", fmt::join(words, ", "));
  diagnostics.Error(
      "bad-word", value.span, fmt::format("`{}` is no {}", value.text, thing),
      nearest.empty() ? one_of : fmt::format("did you mean `{}`? {}", nearest, one_of));
  return std::nullopt;
}

std::optional<int64_t> ReadMoment(const YamlNode& value, std::string_view thing,
                                  Diagnostics& diagnostics) {
  if (!Expect(value, YamlNode::Kind::kText, thing, diagnostics)) return std::nullopt;
  const auto moment = ParseMoment(value.text);
  if (!moment) {
    const std::string meant = MomentMeant(value.text);
    diagnostics.Error("bad-time", value.span,
                      fmt::format("`{}` is no moment for {}", value.text, thing),
                      meant.empty() ? "write it in UTC like 2027-01-31T00:00:00Z"
                                    : fmt::format("write `{}` (UTC)", meant));
  }
  return moment;
}

}  // namespace portmatrix
