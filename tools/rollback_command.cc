// SPDX-License-Identifier: Apache-2.0
// `portmatrix rollback`: ends a trial by going back, or goes back to an older policy.
#include <fmt/format.h>
#include <gflags/gflags.h>

#include <charconv>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tools/agent_client.h"
#include "tools/commands.h"
#include "tools/loaded_policy.h"

DECLARE_bool(json);

namespace portmatrix {
namespace {

int RunRollback(const std::vector<std::string>& arguments);

}  // namespace

const Command kRollbackCommand = {
    "rollback",
    "[N]",
    "end a trial, or go back to an older policy",
    "Without N: ends the trial that `apply --confirm` began, or if none is pending installs the "
    "policy that was\n"
    "confirmed before the present one. With N: installs the policy of generation N (see "
    "`portmatrix history`)\n"
    "again, under a new number. Failed expectations and missing devices do not stop it.\n"
    "\n"
    "exit codes: 0 done, 1 runtime failure, 2 usage, 3 its policy cannot be read any more, 4 not "
    "permitted,\n"
    "            5 agent unreachable, 6 there is nothing to go back to",
    {},
    RunRollback,
};

namespace {

int RunRollback(const std::vector<std::string>& arguments) {
  if (arguments.size() > 1) return UsageError(kRollbackCommand, "takes one number at most");
  nlohmann::json body = nlohmann::json::object();
  if (!arguments.empty()) {
    const std::string& text = arguments[0];
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number == 0)
      return UsageError(kRollbackCommand, fmt::format("`{}` is no generation's number", text));
    body["number"] = number;
  }
  const AgentAnswer answer = PostToAgent("/v1/rollback", body.dump());
  if (answer.code != kExitOk) return ReportFailure(kRollbackCommand, answer);
  if (FLAGS_json) {
    PrintJson(answer.body);
    return kExitOk;
  }
  const uint64_t number = answer.body.value("generation", uint64_t{0});
  const std::string result = answer.body.value("result", "");
  if (number == 0)
    fmt::print("the trial is over: nothing is in force, as before it\n");
  else if (result == "rolled-back")
    fmt::print("the trial is over: generation {} judges again\n", number);
  else if (result == "unchanged")
    fmt::print("unchanged: generation {} is this policy already\n", number);
  else
    fmt::print("generation {} is in force\n", number);
  return kExitOk;
}

}  // namespace
}  // namespace portmatrix
