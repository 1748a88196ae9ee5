// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/suggestion.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace portmatrix {
namespace {

constexpr size_t kListed = 8;
constexpr size_t kComparedBytes = 128;

// Optimal string alignment distance.
size_t Distance(std::string_view from, std::string_view to) {
  std::vector<size_t> before, above(to.size() + 1), row(to.size() + 1);
  for (size_t j = 0; j <= to.size(); ++j) above[j] = j;
  for (size_t i = 1; i <= from.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= to.size(); ++j) {
      const size_t change = above[j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, change});
      if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    before = above;
    above = row;
  }
  return above[to.size()];
}

}  // namespace

std::string Nearest(std::string_view word, const std::vector<std::string>& known) {
  if (word.size() > kComparedBytes) return "";
  size_t best = std::max<size_t>(1, word.size() / 3) + 1;
  std::string nearest;
  for (const std::string& candidate : known) {
    if (candidate.size() > kComparedBytes || candidate == word) continue;
    const size_t distance = Distance(word, candidate);
    if (distance < best && distance < candidate.size()) {
      best = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

std::string DidYouMean(std::string_view word, const std::vector<std::string>& known) {
  const std::string nearest = Nearest(word, known);
  if (!nearest.empty()) return fmt::format("did you mean `{}`?", nearest);
  if (known.empty()) return "";
  const size_t listed = std::min(known.size(), kListed);
  return fmt::format(
      "known here: {}{}",
      fmt::join(known.begin(), known.begin() + static_cast<std::ptrdiff_t>(listed), ", "),
      listed < known.size() ? ", ..." : "");
}

}  // namespace portmatrix
