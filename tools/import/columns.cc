// SPDX-License-Identifier: Apache-2.0
#include "tools/import/columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <string_view>

#include "tools/import/plain_text.h"

namespace portmatrix {
namespace {

using Words = std::set<std::string, std::less<>>;

Words WordsOf(const std::string& name) {
  Words words;
  std::string word;
  for (const char c : Lowered(PlainText(name)) + " ") {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '#') {
      word += c;
    } else if (!word.empty()) {
      words.insert(std::move(word));
      word.clear();
    }
  }
  return words;
}

bool HasAny(const Words& words, std::initializer_list<std::string_view> of) {
  return std::ranges::any_of(of, [&](std::string_view word) { return words.contains(word); });
}

}  // namespace

Columns FindColumns(const std::vector<std::string>& names) {
  Columns columns;
  const auto take = [&](std::optional<size_t>& place, size_t column) {
    if (place && columns.problem.empty()) {
      columns.problem = fmt::format("columns `{}` and `{}` seem to say the same",
                                    OneLine(names[*place]), OneLine(names[column]));
    }
    place = column;
  };
  for (size_t i = 0; i < names.size(); ++i) {
    const Words words = WordsOf(names[i]);
    const bool port = HasAny(words, {"port", "ports"});
    const bool source = HasAny(words, {"source", "src", "from", "initiator", "client"});
    const bool destination =
        HasAny(words, {"destination", "dest", "dst", "to", "target", "server"});
    // Services stand twice, because what stands between goes before what only may be one.
    if (port && source && !destination) {
      take(columns.source_ports, i);
    } else if (port ||
               // NOLINTNEXTLINE(bugprone-branch-clone)
               HasAny(words, {"protocol", "protocols", "transport", "tcp", "udp", "role"})) {
      columns.service.push_back(i);
    } else if (HasAny(words, {"note", "notes", "comment", "comments", "description", "purpose",
                              "remark", "remarks", "usage"})) {
      if (!columns.note) columns.note = i;
    } else if (HasAny(words, {"direction"})) {
      take(columns.direction, i);
    } else if (words.contains("icmp") && words.contains("type")) {
      take(columns.icmp_type, i);
    } else if (words.contains("icmp") && words.contains("code")) {
      take(columns.icmp_code, i);
    } else if (HasAny(words, {"state", "status", "enabled"})) {
      take(columns.state, i);
    } else if (HasAny(words, {"action", "verdict", "permission"})) {
      take(columns.action, i);
    } else if (source && !destination) {
      take(columns.source, i);
    } else if (destination && !source) {
      take(columns.destination, i);
    } else if (HasAny(words, {"table", "matrix"})) {
      take(columns.table, i);
    } else if (HasAny(words, {"row", "id", "rule", "no", "number", "#"})) {
      if (!columns.row) columns.row = i;
    } else if (HasAny(words, {"service", "application"})) {
      columns.service.push_back(i);
    } else {
      columns.unread.push_back(OneLine(PlainText(names[i])));
    }
  }
  return columns;
}

}  // namespace portmatrix
