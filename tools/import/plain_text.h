// SPDX-License-Identifier: Apache-2.0
// Text of pages and spreadsheets in one spelling: blanks of every width, dashes of every length and
// full-width forms become what a keyboard types.
#ifndef PORTMATRIX_TOOLS_IMPORT_PLAIN_TEXT_H_
#define PORTMATRIX_TOOLS_IMPORT_PLAIN_TEXT_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace portmatrix {

// Runs of blanks (no-break, thin, ideographic and the like) become one; invisible characters and
// control characters go; lines are kept, empty ones are not. `text` must be UTF-8.
std::string TidyText(std::string_view text);

// TidyText, and full-width letters, digits and signs, dashes, quotes, slashes and ideographic
// commas as ASCII.
std::string PlainText(std::string_view text);

// The same in one line.
std::string OneLine(std::string text);

// At most `bytes` bytes, cut between characters; "..." says that something is missing.
std::string Shortened(const std::string& text, size_t bytes);

// A name of the policy language (scalar.h) made of the text's ASCII letters and digits, at most 63
// bytes; empty if there are none.
std::string NameFrom(std::string_view text);

std::string Lowered(std::string_view text);  // ASCII only
std::string_view Trimmed(std::string_view text, std::string_view of = " \n");

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_IMPORT_PLAIN_TEXT_H_
