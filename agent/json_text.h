// SPDX-License-Identifier: Apache-2.0
// A text as JSON, written straight out: for texts that are many, or long.
#ifndef PORTMATRIX_AGENT_JSON_TEXT_H_
#define PORTMATRIX_AGENT_JSON_TEXT_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace portmatrix {

// With its quotes; bytes that are no UTF-8 (in a device's name) are replaced.
void AppendJsonText(std::string_view text, std::string* to);
std::string JsonText(std::string_view text);

// The same; false, with part of it appended, where the text is not UTF-8.
bool AppendStrictJsonText(std::string_view text, std::string* to);

// Where the bytes end that stand for themselves in JSON, from `at` on: at a quote, a backslash, a
// control character, a byte beyond ASCII, or the text's end.
size_t PlainEnd(std::string_view text, size_t at);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_JSON_TEXT_H_
