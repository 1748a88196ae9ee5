// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/list_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

#include "agent/policy/limits.h"
#include "agent/policy/prefix_text.h"
#include "agent/policy/utf8.h"

namespace portmatrix {
namespace {

// Adds the parts of `path` to `parts`; false if `..` leads above the first.
bool Append(std::string_view path, std::vector<std::string>& parts) {
  while (true) {
    const size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (part == "..") {
      if (parts.empty()) return false;
      parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.emplace_back(part);
    }
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

std::string_view Trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::string_view Folder(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash + 1);
}

}  // namespace

std::optional<ListFile> LocateList(const SourceFile& document, std::string_view name) {
  if (name.empty() || name.front() == '/' || name.back() == '/') return std::nullopt;
  std::string root =
      document.path == document.root ? std::string(Folder(document.path)) : document.root;
  if (!root.empty() && root.back() != '/') root += '/';
  if (!document.path.starts_with(root)) return std::nullopt;
  std::vector<std::string> parts;
  const std::string_view inside = std::string_view(document.path).substr(root.size());
  if (!Append(Folder(inside), parts) || !Append(name, parts) || parts.empty()) return std::nullopt;
  ListFile list{root, document.root};
  for (const std::string& part : parts) {
    if (!list.path.empty() && list.path.back() != '/') list.path += '/';
    list.path += part;
  }
  return list;
}

ListFiles::ListFiles(const Sources& sources, Diagnostics& diagnostics)
    : sources_(sources), diagnostics_(diagnostics) {}

const ListFiles::List* ListFiles::Read(const std::string& path) {
  const auto known = read_.find(path);
  if (known != read_.end()) return &known->second;
  const auto file = std::ranges::find(sources_.lists, path, &SourceFile::path);
  if (file == sources_.lists.end()) return nullptr;
  const auto number = static_cast<uint32_t>(sources_.documents.size() +
                                            static_cast<size_t>(file - sources_.lists.begin()));
  return &read_.emplace(path, Parse(*file, number)).first->second;
}

ListFiles::List ListFiles::Parse(const SourceFile& file, uint32_t number) {
  const auto prefixes = std::make_shared<std::vector<Prefix>>();
  List list{prefixes, true};
  std::string_view text = file.text;
  if (text.size() > kMaxListBytes) {
    diagnostics_.Error("too-large", Span{number, 0, 0, 1},
                       fmt::format("the list has {} bytes, {} more than the limit of {}",
                                   text.size(), text.size() - kMaxListBytes, kMaxListBytes),
                       "merge neighbouring prefixes into shorter ones");
    return list;
  }
  if (!CheckText(text, number, diagnostics_)) return list;
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  size_t errors = 0;
  for (uint32_t line_number = 1; !text.empty(); ++line_number) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const std::string_view entry = Trimmed(line.substr(0, line.find('#')));
    if (entry.empty()) continue;
    const Span span{number, line_number, static_cast<uint32_t>(entry.data() - line.data() + 1),
                    static_cast<uint32_t>(entry.size())};
    const auto parsed = ParsePrefix(entry);
    if (const auto* prefix = std::get_if<Prefix>(&parsed)) {
      prefixes->push_back(*prefix);
      continue;
    }
    PrefixProblem problem = std::get<PrefixProblem>(parsed);
    if (!LooksLikePrefix(entry)) problem.hint = "a list file has one prefix a line, no names";
    if (entry.find_first_of(" \t,;") != std::string_view::npos) {
      problem.hint = "a list file has one prefix a line, comments begin with #";
    }
    diagnostics_.Error("bad-prefix", span, problem.message, problem.hint);
    if (++errors == kMaxListErrors) {
      diagnostics_.Error(
          "too-many-errors", Span{number, 0, 0, 1},
          fmt::format("{} errors in this list; the rest of it was not read", errors));
      return list;
    }
  }
  list.broken = errors > 0;
  return list;
}

}  // namespace portmatrix
