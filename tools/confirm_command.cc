// SPDX-License-Identifier: Apache-2.0
// `portmatrix confirm`: ends a trial by keeping it.
#include <fmt/format.h>
#include <gflags/gflags.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tools/agent_client.h"
#include "tools/commands.h"
#include "tools/loaded_policy.h"

DECLARE_bool(json);

namespace portmatrix {
namespace {

int RunConfirm(const std::vector<std::string>& arguments);

}  // namespace

const Command kConfirmCommand = {
    "confirm",
    "",
    "keep the policy that is on trial",
    "Ends the trial that `apply --confirm` began: its policy stays in force, also over a boot. A "
    "confirmation\n"
    "after the deadline always loses, even if no packet came since.\n"
    "\n"
    "exit codes: 0 confirmed, 1 runtime failure, 4 not permitted, 5 agent unreachable,\n"
    "            6 nothing is on trial, or too late",
    {},
    RunConfirm,
};

namespace {

int RunConfirm(const std::vector<std::string>& arguments) {
  if (!arguments.empty()) return UsageError(kConfirmCommand, "takes no arguments");
  const AgentAnswer answer = PostToAgent("/v1/confirm", "{}");
  if (answer.code != kExitOk) return ReportFailure(kConfirmCommand, answer);
  if (FLAGS_json)
    PrintJson(answer.body);
  else
    fmt::print("generation {} is confirmed\n", answer.body.value("generation", uint64_t{0}));
  return kExitOk;
}

}  // namespace
}  // namespace portmatrix
