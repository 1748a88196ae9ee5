// SPDX-License-Identifier: Apache-2.0
#include "tools/duration.h"

#include <charconv>
#include <iterator>
#include <system_error>

namespace portmatrix {
namespace {

struct Unit {
  char letter;
  uint64_t seconds;
};
constexpr Unit kUnits[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};
constexpr uint64_t kMost = uint64_t{1} << 32;

}  // namespace

std::optional<uint64_t> ParseDuration(std::string_view text) {
  if (text.empty()) return std::nullopt;
  uint64_t total = 0;
  size_t next_unit = 0;
  while (!text.empty()) {
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || number > kMost) return std::nullopt;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    if (text.empty()) return std::nullopt;
    while (next_unit < std::size(kUnits) && kUnits[next_unit].letter != text[0]) ++next_unit;
    if (next_unit == std::size(kUnits)) return std::nullopt;
    total += number * kUnits[next_unit].seconds;
    ++next_unit;
    text.remove_prefix(1);
  }
  return total;
}

std::string DurationText(uint64_t seconds) {
  std::string text;
  for (const Unit& unit : kUnits) {
    if (seconds < unit.seconds) continue;
    text += std::to_string(seconds / unit.seconds) + unit.letter;
    seconds %= unit.seconds;
  }
  return text.empty() ? "0s" : text;
}

}  // namespace portmatrix
