// SPDX-License-Identifier: Apache-2.0
#include "agent/live_set_files.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <variant>

#include "agent/durable_file.h"
#include "agent/policy/prefix_text.h"

namespace portmatrix {
namespace {

namespace fs = std::filesystem;

template <typename Number>
bool ReadNumber(std::string_view text, Number* number) {
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return failed == std::errc() && end == text.data() + text.size();
}

bool ReadLine(std::string_view line, KeptEntries* entries) {
  std::array<std::string_view, 4> words;
  for (size_t i = 0; i < words.size(); ++i) {
    const size_t blank = line.find(' ');
    if ((blank == std::string_view::npos) != (i + 1 == words.size())) return false;
    words.at(i) = line.substr(0, blank);
    line.remove_prefix(blank == std::string_view::npos ? line.size() : blank + 1);
  }
  const auto parsed = ParsePrefix(words[0]);
  const auto* prefix = std::get_if<Prefix>(&parsed);
  KeptEntry entry;
  if (prefix == nullptr || !ReadNumber(words[2], &entry.added_at) ||
      !ReadNumber(words[3], &entry.uid))
    return false;
  if (words[1] != "-" && !ReadNumber(words[1], &entry.until.emplace())) return false;
  entries->insert_or_assign(*prefix, entry);
  return true;
}

}  // namespace

std::vector<std::string> LiveSetFiles::Names() const {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder_, ignored)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with(kUnfinishedPrefix)) names.push_back(name);
  }
  return names;
}

Result<KeptEntries> LiveSetFiles::Load(const std::string& set, size_t* damaged) const {
  KeptEntries entries;
  *damaged = 0;
  const std::string path = folder_ + "/" + set;
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return entries;
  const Result<std::string> text = ReadWhole(path);
  if (!text) return text.error();
  std::string_view rest = *text;
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    if (!ReadLine(rest.substr(0, end), &entries)) ++*damaged;
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  return entries;
}

Result<void> LiveSetFiles::Save(const std::string& set, const KeptEntries& entries) const {
  if (entries.empty()) return Remove(set);
  std::error_code failed;
  fs::create_directories(folder_, failed);
  if (failed) return Error{"make directory", folder_, failed.value(), ""};
  std::string text;
  for (const auto& [prefix, entry] : entries)
    text +=
        fmt::format("{} {} {} {}\n", ToString(prefix),
                    entry.until ? std::to_string(*entry.until) : "-", entry.added_at, entry.uid);
  return WriteDurably(folder_, set, text);
}

Result<void> LiveSetFiles::Remove(const std::string& set) const {
  std::error_code ignored;
  if (!fs::exists(folder_, ignored)) return {};
  return RemoveDurably(folder_, set);
}

}  // namespace portmatrix
