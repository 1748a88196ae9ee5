// SPDX-License-Identifier: Apache-2.0
#include "tools/import/party_cell.h"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

#include "agent/policy/prefix_text.h"
#include "maps/address.h"
#include "tools/import/plain_text.h"

namespace portmatrix {
namespace {

// Words that mean everybody, alone in their cell.
constexpr std::string_view kEverybody[] = {"any",      "all",         "*",
                                           "any ip",   "any address", "any ip address",
                                           "any host", "anywhere",    "everyone"};
// How "Any" is narrowed in brackets behind it.
constexpr std::string_view kNarrowings[] = {"can be defined as",    "may be defined as",
                                            "can be limited to",    "may be limited to",
                                            "can be restricted to", "may be restricted to"};

bool IsEverybody(std::string_view lowered) {
  return std::ranges::find(kEverybody, Trimmed(lowered)) != std::end(kEverybody);
}

// Only what addresses are written with, and a digit: to be read as addresses or not at all.
bool LooksNumeric(std::string_view text) {
  return text.find_first_of("0123456789") != std::string_view::npos &&
         text.find_first_of(".:") != std::string_view::npos &&
         text.find_first_not_of("0123456789abcdefABCDEF.:/,;- \n%") == std::string_view::npos;
}

void ReadPrefixes(std::string_view text, Party& party) {
  while (!text.empty()) {
    const size_t first = text.find_first_not_of(" ,;\n");
    if (first == std::string_view::npos) return;
    text.remove_prefix(first);
    const size_t length = std::min(text.find_first_of(" ,;\n"), text.size());
    const std::string item(text.substr(0, length));
    text.remove_prefix(length);
    const auto parsed = ParsePrefix(item);
    if (const auto* problem = std::get_if<PrefixProblem>(&parsed)) {
      party.problem = problem->message;
      return;
    }
    std::string prefix = ToString(std::get<Prefix>(parsed));
    if (std::ranges::find(party.prefixes, prefix) == party.prefixes.end())
      party.prefixes.push_back(std::move(prefix));
  }
}

// "any (can be defined as X)" to X; empty if it is no such text.
std::string NarrowingOf(std::string_view text) {
  const size_t open = text.find('(');
  if (open == std::string_view::npos || text.back() != ')') return "";
  if (!IsEverybody(Lowered(text.substr(0, open)))) return "";
  const std::string_view inside = Trimmed(text.substr(open + 1, text.size() - open - 2));
  for (const std::string_view phrase : kNarrowings) {
    if (!Lowered(inside).starts_with(phrase)) continue;
    std::string_view rest = Trimmed(inside.substr(phrase.size()));
    for (const std::string_view article : {"the ", "a ", "an "}) {
      if (Lowered(rest).starts_with(article)) rest.remove_prefix(article.size());
    }
    return OneLine(std::string(Trimmed(rest)));
  }
  return "";
}

}  // namespace

Party ReadParty(std::string_view text) {
  text = Trimmed(text);
  Party party;
  if (text.empty() || text == "-") {
    party.problem = "says nobody";
  } else if (IsEverybody(Lowered(text))) {  // NOLINT(bugprone-branch-clone): NarrowingOf comes last
    party.any = true;
  } else if (LooksNumeric(text)) {
    ReadPrefixes(text, party);
    if (party.prefixes.empty() && party.problem.empty()) party.problem = "says nobody";
  } else if (party.narrowing = NarrowingOf(text); !party.narrowing.empty()) {
    party.any = true;
  } else {
    party.name = OneLine(std::string(text));
    const std::string name = NameFrom(party.name);
    if (name.empty() || name == "any" || name == "none")
      party.problem = fmt::format("no set can be named after `{}`", Shortened(party.name, 80));
  }
  return party;
}

}  // namespace portmatrix
