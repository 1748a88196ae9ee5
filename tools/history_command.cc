// SPDX-License-Identifier: Apache-2.0
// `portmatrix history`: which policies were in force, who brought them, and what became of them.
#include <fmt/format.h>
#include <gflags/gflags.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "tools/agent_client.h"
#include "tools/commands.h"
#include "tools/loaded_policy.h"
#include "tools/table.h"

DECLARE_bool(json);

namespace portmatrix {
namespace {

int RunHistory(const std::vector<std::string>& arguments);

}  // namespace

const Command kHistoryCommand = {
    "history",
    "",
    "the generations of late: when, who, why, and what became of them",
    "Lists what the agent keeps (the last 32 generations), oldest first. `rollback N` installs one "
    "again.\n"
    "A star marks the one that judges now. RULES counts what it added, removed and changed; which\n"
    "rules, and where they stand, is in --json.\n"
    "\n"
    "exit codes: 0 ok, 1 runtime failure, 4 not permitted, 5 agent unreachable",
    {},
    RunHistory,
};

namespace {

// "+1 -0 ~2": rules added, removed, changed.
std::string ChangesText(const nlohmann::json& generation) {
  const nlohmann::json changes = generation.value("changes", nlohmann::json::object());
  return fmt::format("+{} -{} ~{}{}", changes.value("added", 0), changes.value("removed", 0),
                     changes.value("changed", 0),
                     changes.value("reordered", false) ? " order" : "");
}

// The files that the changed rules stand in; all files, where no rule changed.
std::string FilesText(const nlohmann::json& generation) {
  std::set<std::string> files;
  const nlohmann::json changes = generation.value("changes", nlohmann::json::object());
  for (const nlohmann::json& rule : changes.value("rules", nlohmann::json::array())) {
    const std::string place = rule.value("place", "");
    files.insert(place.substr(0, place.rfind(':')));
  }
  if (files.empty())
    for (const nlohmann::json& file : generation.value("files", nlohmann::json::array()))
      files.insert(file.get<std::string>());
  constexpr size_t kShown = 2;
  std::string text;
  size_t shown = 0;
  for (const std::string& file : files) {
    if (shown++ == kShown) return text + fmt::format(" and {} more", files.size() - kShown);
    text += (text.empty() ? "" : " ") + file;
  }
  return text;
}

int RunHistory(const std::vector<std::string>& arguments) {
  if (!arguments.empty()) return UsageError(kHistoryCommand, "takes no arguments");
  const AgentAnswer answer = GetFromAgent("/v1/history");
  if (answer.code != kExitOk) return ReportFailure(kHistoryCommand, answer);
  if (FLAGS_json) {
    PrintJson(answer.body);
    return kExitOk;
  }
  std::vector<std::vector<std::string>> rows = {
      {"", "N", "TIME", "OUTCOME", "BY", "RULES", "FILES", "WHY"}};
  for (const nlohmann::json& generation :
       answer.body.value("generations", nlohmann::json::array())) {
    rows.push_back({generation.value("judging", false) ? "*" : "",
                    std::to_string(generation.value("number", uint64_t{0})),
                    generation.value("time", ""), generation.value("outcome", ""),
                    generation.value("user", ""), ChangesText(generation), FilesText(generation),
                    generation.value("note", "")});
  }
  fmt::print("{}", AlignedTable(rows, {1}));
  return kExitOk;
}

}  // namespace
}  // namespace portmatrix
