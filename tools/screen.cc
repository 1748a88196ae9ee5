// SPDX-License-Identifier: Apache-2.0
#include "tools/screen.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace portmatrix {
namespace {

const char* CodeOf(Colour colour) {
  switch (colour) {
    case Colour::kRed:
      return "31;1";
    case Colour::kYellow:
      return "33;1";
    case Colour::kGreen:
      return "32";
    case Colour::kBold:
      return "1";
    case Colour::kDim:
      return "2";
  }
  return "0";
}

struct Label {
  std::string_view text;
  Colour colour;
};
constexpr Label kLabels[] = {
    {": error: ", Colour::kRed}, {": warning: ", Colour::kYellow}, {": note: ", Colour::kBold}};

std::string PaintLine(std::FILE* stream, std::string_view line) {
  // Source lines and hints are indented; what they say is not for us.
  if (line.starts_with(' ')) return std::string(line);
  for (const Label& label : kLabels) {
    const size_t at = line.find(label.text);
    if (at == std::string_view::npos) continue;
    return fmt::format("{}{}{}", Paint(stream, Colour::kBold, line.substr(0, at)),
                       Paint(stream, label.colour, label.text),
                       line.substr(at + label.text.size()));
  }
  return std::string(line);
}

}  // namespace

bool HasColour(std::FILE* stream) {
  const char* no_colour = std::getenv("NO_COLOR");
  return isatty(fileno(stream)) && (no_colour == nullptr || *no_colour == '\0');
}

std::string Paint(std::FILE* stream, Colour colour, std::string_view text) {
  if (!HasColour(stream)) return std::string(text);
  return fmt::format("\033[{}m{}\033[0m", CodeOf(colour), text);
}

std::string PaintDiagnostics(std::FILE* stream, std::string_view rendered) {
  if (!HasColour(stream)) return std::string(rendered);
  std::string painted;
  while (!rendered.empty()) {
    const size_t end = std::min(rendered.find('\n'), rendered.size() - 1);
    painted += PaintLine(stream, rendered.substr(0, end + 1));
    rendered.remove_prefix(end + 1);
  }
  return painted;
}

}  // namespace portmatrix
