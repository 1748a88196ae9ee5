// SPDX-License-Identifier: Apache-2.0
// `portmatrix history`: which policies were in force, who brought them, and what became of them.
#include <fmt/format.h>
#include <gflags/gflags.h>

#include <cstdint>
#include <nlohmann/json.hpp>
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
    "A star marks the one that judges now.\n"
    "\n"
    "exit codes: 0 ok, 1 runtime failure, 4 not permitted, 5 agent unreachable",
    {},
    RunHistory,
};

namespace {

int RunHistory(const std::vector<std::string>& arguments) {
  if (!arguments.empty()) return UsageError(kHistoryCommand, "takes no arguments");
  const AgentAnswer answer = GetFromAgent("/v1/history");
  if (answer.code != kExitOk) return ReportFailure(kHistoryCommand, answer);
  if (FLAGS_json) {
    PrintJson(answer.body);
    return kExitOk;
  }
  constexpr size_t kShortFingerprint = 12;
  std::vector<std::vector<std::string>> rows = {
      {"", "N", "TIME", "OUTCOME", "BY", "FINGERPRINT", "WHY"}};
  for (const nlohmann::json& generation :
       answer.body.value("generations", nlohmann::json::array())) {
    rows.push_back({generation.value("judging", false) ? "*" : "",
                    std::to_string(generation.value("number", uint64_t{0})),
                    generation.value("time", ""), generation.value("outcome", ""),
                    generation.value("user", ""),
                    generation.value("fingerprint", "").substr(0, kShortFingerprint),
                    generation.value("note", "")});
  }
  fmt::print("{}", AlignedTable(rows, {1}));
  return kExitOk;
}

}  // namespace
}  // namespace portmatrix
