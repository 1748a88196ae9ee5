// SPDX-License-Identifier: Apache-2.0
// Colour, where somebody looks: on a terminal, and without NO_COLOR (no-color.org) in the
// environment.
#ifndef PORTMATRIX_TOOLS_SCREEN_H_
#define PORTMATRIX_TOOLS_SCREEN_H_

#include <cstdio>
#include <string>
#include <string_view>

namespace portmatrix {

enum class Colour { kRed, kYellow, kGreen, kBold, kDim };

bool HasColour(std::FILE* stream);
// `text` in a colour if `stream` has colours, else as it is.
std::string Paint(std::FILE* stream, Colour colour, std::string_view text);

// Rendered diagnostics with the words error, warning and note coloured for `stream`.
std::string PaintDiagnostics(std::FILE* stream, std::string_view rendered);

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_SCREEN_H_
