// SPDX-License-Identifier: Apache-2.0
// What may stand in a policy's files at all: UTF-8 text without control characters.
#ifndef PORTMATRIX_AGENT_POLICY_UTF8_H_
#define PORTMATRIX_AGENT_POLICY_UTF8_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "agent/policy/diagnostic.h"

namespace portmatrix {

inline constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

// Bytes of the UTF-8 sequence (RFC 3629, section 4) that begins at `at`; zero if none does.
size_t SequenceLength(std::string_view text, size_t at);

// `text`, byte by byte as long, with `?` for each byte that should not reach a terminal: what is no
// UTF-8, control characters but tab, and the invisible ones that turn the direction of writing.
std::string Printable(std::string_view text);

// Reports the first byte of `text` (file number `file`) that is no UTF-8 (overlong forms and
// surrogates are none), or a control character other than tab, line feed and carriage return before
// a line feed. True if there is none.
bool CheckText(std::string_view text, uint32_t file, Diagnostics& diagnostics);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_UTF8_H_
