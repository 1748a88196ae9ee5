// SPDX-License-Identifier: Apache-2.0
// The raw text behind a YAML event. The parser tells where a value begins; where it ends, and how
// it was written, stands only in the text.
#ifndef PORTMATRIX_AGENT_POLICY_YAML_TEXT_H_
#define PORTMATRIX_AGENT_POLICY_YAML_TEXT_H_

#include <cstddef>
#include <optional>
#include <string_view>

namespace portmatrix {

// How the value at a place is written, by its first byte.
enum class YamlStyle { kPlain, kSingleQuoted, kDoubleQuoted, kBlock, kFlow, kAnchor, kAlias, kTag };
YamlStyle StyleAt(std::string_view text, size_t at);

// One past the closing quote of the quoted text at `at`; nothing if it is never closed.
std::optional<size_t> QuotedEnd(std::string_view text, size_t at);

// The bytes that a caret underlines below the value at `at`, on its first line: a quoted or flow
// value whole, plain text up to what ends it, one byte for the rest.
size_t UnderlinedLength(std::string_view text, size_t at, bool inside_flow);

// `~`, `null`, `Null` or `NULL`, if the plain text at `at` is one of these; else empty.
std::string_view NullWordAt(std::string_view text, size_t at);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_YAML_TEXT_H_
