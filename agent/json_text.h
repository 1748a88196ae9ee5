// SPDX-License-Identifier: Apache-2.0
// A text as JSON, for lines that are written straight out because they are many.
#ifndef PORTMATRIX_AGENT_JSON_TEXT_H_
#define PORTMATRIX_AGENT_JSON_TEXT_H_

#include <string>
#include <string_view>

namespace portmatrix {

// With its quotes; bytes that are no UTF-8 (in a device's name) are replaced.
void AppendJsonText(std::string_view text, std::string* to);
std::string JsonText(std::string_view text);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_JSON_TEXT_H_
