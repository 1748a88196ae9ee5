// SPDX-License-Identifier: Apache-2.0
#include "tools/import/matrix_name.h"

#include <algorithm>
#include <sstream>
#include <string_view>

#include "tools/import/plain_text.h"
#include "tools/import/unique_names.h"

namespace portmatrix {
namespace {

constexpr std::string_view kSmallWords[] = {"for", "of", "the", "a", "an", "-", ":"};

std::vector<std::string> WordsOf(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

// How many words all headings begin with.
size_t SharedWords(const std::vector<std::vector<std::string>>& headings) {
  if (headings.size() < 2) return 0;
  size_t shared = headings.front().size();
  for (const auto& words : headings) {
    const auto [end, other] = std::ranges::mismatch(headings.front(), words);
    shared = std::min(shared, static_cast<size_t>(end - headings.front().begin()));
  }
  return shared;
}

std::string WithoutBrackets(std::string text) {
  for (size_t open = text.rfind('('); open != std::string::npos; open = text.rfind('(')) {
    const size_t close = text.find(')', open);
    if (close == std::string::npos) break;
    text.erase(open, close - open + 1);
  }
  return text;
}

std::string NameOf(const std::vector<std::string>& words, size_t shared) {
  std::string text;
  for (size_t i = shared; i < words.size(); ++i) text += words[i] + " ";
  text = WithoutBrackets(text);
  const size_t colon = text.rfind(": ");
  if (colon != std::string::npos && !NameFrom(text.substr(colon)).empty())
    text = text.substr(colon + 1);
  std::vector<std::string> left = WordsOf(text);
  while (left.size() > 1 &&
         std::ranges::find(kSmallWords, Lowered(left.front())) != std::end(kSmallWords))
    left.erase(left.begin());
  text.clear();
  for (const std::string& word : left) text += word + " ";
  return NameFrom(text);
}

}  // namespace

std::vector<std::string> MatrixNames(const std::vector<std::string>& headings,
                                     const std::string& file) {
  std::vector<std::vector<std::string>> words;
  for (const std::string& heading : headings) words.push_back(WordsOf(PlainText(heading)));
  const size_t shared = SharedWords(words);
  std::vector<std::string> names;
  UniqueNames taken;
  for (const auto& each : words) {
    std::string name = NameOf(each, shared);
    if (name.empty()) name = NameOf(each, 0);
    if (name.empty()) name = NameFrom(file);
    if (name.empty()) name = "matrix";
    names.push_back(taken.Take(name));
  }
  return names;
}

}  // namespace portmatrix
