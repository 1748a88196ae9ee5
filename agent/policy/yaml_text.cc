// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/yaml_text.h"

#include <algorithm>
#include <string>

namespace portmatrix {
namespace {

// Underlining looks no further than this, so that a line of a megabyte is not read again for each
// of its values.
constexpr size_t kLookAheadBytes = 1024;

std::string_view RestOfLine(std::string_view text, size_t at) {
  std::string_view rest = text.substr(std::min(at, text.size()), kLookAheadBytes);
  rest = rest.substr(0, rest.find('\n'));
  return rest.ends_with('\r') ? rest.substr(0, rest.size() - 1) : rest;
}

bool IsBlank(char byte) { return byte == ' ' || byte == '\t'; }

bool IsFlowMark(char byte) {
  return std::string_view(",[]{}").find(byte) != std::string_view::npos;
}

// Length of the flow list or map that begins `line`, or 1 if it does not end on the line.
size_t FlowLength(std::string_view line) {
  std::string open;
  for (size_t at = 0; at < line.size(); ++at) {
    const char byte = line[at];
    const bool starts_token = at == 0 || IsBlank(line[at - 1]) || line[at - 1] == ',' ||
                              line[at - 1] == '[' || line[at - 1] == '{';
    if ((byte == '"' || byte == '\'') && starts_token) {
      const auto end = QuotedEnd(line, at);
      if (!end) return 1;
      at = *end - 1;
    } else if (byte == '#' && starts_token) {
      return 1;
    } else if (byte == '[' || byte == '{') {
      open += byte;
    } else if (byte == ']' || byte == '}') {
      open.pop_back();
      if (open.empty()) return at + 1;
    }
  }
  return 1;
}

// Length of plain text that begins `line`.
size_t PlainLength(std::string_view line, bool inside_flow) {
  size_t end = 0;
  for (; end < line.size(); ++end) {
    const char byte = line[end];
    const bool last = end + 1 == line.size();
    if (byte == ':' &&
        (last || IsBlank(line[end + 1]) || (inside_flow && IsFlowMark(line[end + 1])))) {
      break;
    }
    if (byte == '#' && end > 0 && IsBlank(line[end - 1])) break;
    if (inside_flow && IsFlowMark(byte)) break;
  }
  while (end > 0 && IsBlank(line[end - 1])) --end;
  return std::max<size_t>(end, 1);
}

}  // namespace

YamlStyle StyleAt(std::string_view text, size_t at) {
  if (at >= text.size()) return YamlStyle::kPlain;
  switch (text[at]) {
    case '\'':
      return YamlStyle::kSingleQuoted;
    case '"':
      return YamlStyle::kDoubleQuoted;
    case '|':
    case '>':
      return YamlStyle::kBlock;
    case '[':
    case '{':
      return YamlStyle::kFlow;
    case '&':
      return YamlStyle::kAnchor;
    case '*':
      return YamlStyle::kAlias;
    case '!':
      return YamlStyle::kTag;
    default:
      return YamlStyle::kPlain;
  }
}

std::optional<size_t> QuotedEnd(std::string_view text, size_t at) {
  const char quote = text[at];
  for (++at; at < text.size(); ++at) {
    if (quote == '"' && text[at] == '\\') {
      ++at;
    } else if (text[at] == quote) {
      if (quote == '"' || at + 1 >= text.size() || text[at + 1] != quote) return at + 1;
      ++at;
    }
  }
  return std::nullopt;
}

size_t UnderlinedLength(std::string_view text, size_t at, bool inside_flow) {
  const std::string_view line = RestOfLine(text, at);
  if (line.empty()) return 1;
  switch (StyleAt(text, at)) {
    case YamlStyle::kSingleQuoted:
    case YamlStyle::kDoubleQuoted: {
      const auto end = QuotedEnd(line, 0);
      return end ? *end : line.size();
    }
    case YamlStyle::kFlow:
      return FlowLength(line);
    case YamlStyle::kPlain:
    case YamlStyle::kAlias:
      return PlainLength(line, inside_flow);
    default:
      return 1;
  }
}

std::string_view NullWordAt(std::string_view text, size_t at) {
  const std::string_view line = RestOfLine(text, at);
  for (const std::string_view word : {"~", "null", "Null", "NULL"}) {
    if (!line.starts_with(word)) continue;
    const std::string_view rest = line.substr(word.size());
    if (rest.empty() || IsBlank(rest[0]) ||
        std::string_view(":,]}").find(rest[0]) != std::string_view::npos) {
      return word;
    }
  }
  return {};
}

}  // namespace portmatrix
