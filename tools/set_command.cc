// SPDX-License-Identifier: Apache-2.0
// `portmatrix set`: what dynamic sets hold, and how it changes.
#include <fmt/format.h>
#include <gflags/gflags.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "agent/policy/prefix_text.h"
#include "tools/agent_client.h"
#include "tools/commands.h"
#include "tools/duration.h"
#include "tools/loaded_policy.h"
#include "tools/ssh_session.h"
#include "tools/table.h"

DECLARE_bool(json);
DECLARE_bool(force);
DEFINE_string(for, "", "the entries are over after this time: 90s, 10m, 1h, 7d");

namespace portmatrix {
namespace {

using nlohmann::json;

int RunSet(const std::vector<std::string>& arguments);

}  // namespace

const Command kSetCommand = {
    "set",
    "add|del NAME ENTRY... [--for T] | flush NAME | list [NAME]",
    "change what a dynamic set holds, at once",
    "A dynamic set (`sets: {blocked: {dynamic: true, max: 65536}}`) gets its addresses and "
    "prefixes "
    "here. A change\n"
    "counts from the next packet on, without a new generation. What a set holds is kept when the "
    "policy changes,\n"
    "the agent restarts or the machine boots, as long as the policy in force or the one before it "
    "has the set.\n"
    "\n"
    "ENTRY is an address or a prefix; `-` reads entries from standard input and @FILE from a file, "
    "one a line,\n"
    "# begins a comment. All entries of a call are taken, or none. Adding one that is there gives "
    "it the new time.\n"
    "A change is refused that would cut the SSH session in which you give the command.\n"
    "\n"
    "  portmatrix set add blocked 198.51.100.7 2001:db8:f00d::/48 --for 1h\n"
    "  portmatrix set add blocked - < attackers.txt\n"
    "  portmatrix set list blocked\n"
    "\n"
    "exit codes: 0 done, 1 runtime failure, 2 usage, 4 not permitted, 5 agent unreachable,\n"
    "            6 there is no such set, it is full, or a guard stands against it",
    {"for", "force"},
    RunSet,
};

namespace {

// Entries of a file, one a line. False if one of them is none, which is told with its place.
bool ReadEntries(std::istream& from, const std::string& name, json* entries, std::string* problem) {
  std::string line;
  for (size_t number = 1; std::getline(from, line); ++number) {
    std::string_view entry = std::string_view(line).substr(0, line.find('#'));
    const size_t first = entry.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) continue;
    entry = entry.substr(first, entry.find_last_not_of(" \t\r") - first + 1);
    const auto parsed = ParsePrefix(entry);
    if (const auto* wrong = std::get_if<PrefixProblem>(&parsed)) {
      *problem = fmt::format("{}:{}:{}: {} ({}); nothing was changed", name, number, first + 1,
                             wrong->message, wrong->hint);
      return false;
    }
    entries->push_back(entry);
  }
  return true;
}

bool AddEntries(const std::string& argument, json* entries, std::string* problem) {
  if (argument == "-") return ReadEntries(std::cin, "standard input", entries, problem);
  if (argument.starts_with('@')) {
    const std::string path = argument.substr(1);
    std::ifstream file(path);
    if (!file) {
      *problem = fmt::format("open {}: {}", path, std::strerror(errno));
      return false;
    }
    return ReadEntries(file, path, entries, problem);
  }
  const auto parsed = ParsePrefix(argument);
  if (const auto* wrong = std::get_if<PrefixProblem>(&parsed)) {
    *problem = fmt::format("{} ({}); nothing was changed", wrong->message, wrong->hint);
    return false;
  }
  entries->push_back(argument);
  return true;
}

int Fail(const std::string& problem) {
  fmt::print(stderr, "portmatrix set: {}\n", problem);
  return kExitFailure;
}

std::string Entries(uint64_t count) {
  return fmt::format("{} entr{}", count, count == 1 ? "y" : "ies");
}

int Change(const std::string& action, const std::vector<std::string>& arguments) {
  const bool flush = action == "flush";
  if (arguments.empty()) return UsageError(kSetCommand, "name a set");
  if (flush ? arguments.size() > 1 : arguments.size() < 2)
    return UsageError(kSetCommand, flush ? "flush takes one name" : "name at least one entry");
  json body = {{"set", arguments[0]}, {"force", FLAGS_force}};
  if (!FLAGS_for.empty()) {
    const auto seconds = ParseDuration(FLAGS_for);
    if (action != "add") return UsageError(kSetCommand, "--for goes with add");
    if (!seconds || *seconds == 0)
      return UsageError(kSetCommand,
                        fmt::format("--for: `{}` is no time; write 90s, 10m or 1h", FLAGS_for));
    body["seconds"] = *seconds;
  }
  if (!flush) {
    json entries = json::array();
    std::string problem;
    for (size_t i = 1; i < arguments.size(); ++i)
      if (!AddEntries(arguments[i], &entries, &problem)) return Fail(problem);
    if (entries.empty()) {
      if (!FLAGS_json) fmt::print("there were no entries; nothing was changed\n");
      return kExitOk;
    }
    body["entries"] = std::move(entries);
  }
  if (const auto session = FindSshSession()) body["session"] = *session;
  const AgentAnswer answer = PostToAgent("/v1/sets/" + action, body.dump());
  if (answer.code != kExitOk) return ReportFailure(kSetCommand, answer);
  if (FLAGS_json) {
    PrintJson(answer.body);
    return kExitOk;
  }
  const auto count = [&](const char* key) { return answer.body.value(key, uint64_t{0}); };
  std::string text;
  if (action == "add") {
    text = fmt::format("{} added", Entries(count("added")));
    if (count("renewed") != 0) text += fmt::format(", {} renewed", count("renewed"));
  } else {
    text = fmt::format("{} removed", Entries(count("removed")));
    if (count("missing") != 0) text += fmt::format(", {} were not there", count("missing"));
  }
  fmt::print("{}; {} holds {} of {}\n", text, arguments[0], count("entries"), count("max"));
  return kExitOk;
}

int ListSets(const json& body) {
  std::vector<std::vector<std::string>> rows = {{"SET", "ENTRIES", "MAX", ""}};
  for (const json& set : body.value("sets", json::array()))
    rows.push_back({set.value("name", ""), std::to_string(set.value("entries", uint64_t{0})),
                    std::to_string(set.value("max", uint64_t{0})),
                    set.value("in_force", true) ? "" : "only in the policy before this one"});
  if (rows.size() == 1)
    fmt::print("the policy in force has no dynamic sets\n");
  else
    fmt::print("{}", AlignedTable(rows, {1, 2}));
  return kExitOk;
}

int ListEntries(const json& body) {
  std::vector<std::vector<std::string>> rows = {{"ENTRY", "LEFT", "ADDED", "BY"}};
  for (const json& entry : body.value("entries", json::array())) {
    const json left = entry.value("seconds_left", json());
    rows.push_back({entry.value("prefix", ""),
                    left.is_null() ? "-" : DurationText(left.get<uint64_t>()),
                    entry.value("added_at", ""), entry.value("user", "")});
  }
  if (rows.size() > 1) fmt::print("{}", AlignedTable(rows));
  fmt::print("{} of {}\n", Entries(rows.size() - 1), body.value("max", uint64_t{0}));
  return kExitOk;
}

int List(const std::vector<std::string>& arguments) {
  if (arguments.size() > 1) return UsageError(kSetCommand, "list takes one name at most");
  const AgentAnswer answer =
      GetFromAgent(arguments.empty() ? "/v1/sets" : "/v1/sets?set=" + arguments[0]);
  if (answer.code != kExitOk) return ReportFailure(kSetCommand, answer);
  if (FLAGS_json) {
    PrintJson(answer.body);
    return kExitOk;
  }
  return arguments.empty() ? ListSets(answer.body) : ListEntries(answer.body);
}

int RunSet(const std::vector<std::string>& arguments) {
  if (arguments.empty()) return UsageError(kSetCommand, "say add, del, flush or list");
  const std::string& action = arguments[0];
  const std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
  if (action == "list") return List(rest);
  if (action == "add" || action == "del" || action == "flush") return Change(action, rest);
  return UsageError(kSetCommand, fmt::format("`{}` is none of add, del, flush and list", action));
}

}  // namespace
}  // namespace portmatrix
