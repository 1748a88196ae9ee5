// SPDX-License-Identifier: Apache-2.0
// `portmatrix report`: the matrix in force and what was made of it, as one HTML page.
#include <fmt/format.h>
#include <gflags/gflags.h>

#include <cerrno>
#include <string>
#include <vector>

#include "agent/datapath/pinned_reader.h"
#include "tools/commands.h"
#include "tools/report_page.h"
#include "tools/stored_policy.h"

DECLARE_string(pin_root);
DECLARE_string(state_dir);

namespace portmatrix {
namespace {

int RunReport(const std::vector<std::string>& arguments);

}  // namespace

const Command kReportCommand = {
    "report",
    "[--state_dir DIR] > FILE.html",
    "the matrix in force, its hits and findings, as one HTML page",
    "Interfaces, rules with who may talk to whom, hits and last hit, rules that were never hit or\n"
    "that no packet can reach. The page needs nothing from elsewhere, and can be printed.\n"
    "\n"
    "  portmatrix report > edge1.html\n"
    "\n"
    "exit codes: 0 ok, 1 nothing is in force, or its files are not known, 4 not permitted",
    {"state_dir"},
    RunReport,
};

namespace {

int Fail(const std::string& text, int code) {
  fmt::print(stderr, "portmatrix report: {}\n", text);
  return code;
}

int RunReport(const std::vector<std::string>& arguments) {
  if (!arguments.empty()) return UsageError(kReportCommand, "takes no arguments");
  auto reader = PinnedReader::Open(FLAGS_pin_root);
  auto counters = reader ? (*reader)->ReadCounters() : Result<CounterSnapshot>(reader.error());
  if (!counters) {
    const int code = counters.error().code;
    return Fail(counters.error().Text(),
                code == EACCES || code == EPERM ? kExitNotPermitted : kExitFailure);
  }
  std::string why;
  const auto policy = ReadStoredPolicy(FLAGS_state_dir, counters->generation, &why);
  if (!policy)
    return Fail(fmt::format("the files of generation {} are not known ({}); another place: "
                            "--state_dir",
                            counters->generation.number, why),
                kExitFailure);
  fmt::print("{}", ReportPage(policy->node, *counters));
  return kExitOk;
}

}  // namespace
}  // namespace portmatrix
