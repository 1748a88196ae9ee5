// SPDX-License-Identifier: Apache-2.0
// `portmatrix check`: everything about a policy that can be known without a kernel.
#include <fmt/format.h>
#include <gflags/gflags.h>

#include <algorithm>
#include <string>
#include <vector>

#include "agent/policy/expect.h"
#include "agent/policy/lint.h"
#include "tools/commands.h"
#include "tools/loaded_policy.h"
#include "tools/rule_text.h"

DEFINE_bool(strict, false, "warnings fail the check as well");
DECLARE_bool(json);
DECLARE_string(node);

namespace portmatrix {
namespace {

using nlohmann::ordered_json;

// What was found out about one node.
struct NodeReport {
  std::string name;
  size_t rules[4] = {};  // by RuleState
  size_t expectations = 0;
  size_t hold = 0;

  size_t& operator[](RuleState state) { return rules[static_cast<size_t>(state)]; }
};

struct Report {
  std::vector<NodeReport> nodes;
  size_t errors = 0;
  size_t warnings = 0;
  size_t shadowed = 0;
  size_t failed() const {
    size_t failed = 0;
    for (const NodeReport& node : nodes) failed += node.expectations - node.hold;
    return failed;
  }
};

NodeReport CheckNode(const Policy& policy, const Node& node, Diagnostics& diagnostics) {
  NodeReport report;
  report.name = node.name;
  for (const Interface& interface : node.interfaces) {
    for (const Rule& rule : interface.rules) ++report[rule.state];
  }
  LintNode(node, diagnostics);
  report.expectations = policy.FindNode(node.name)->expectations.size();
  report.hold = RunExpectations(policy, node, diagnostics);
  return report;
}

Report CheckAll(LoadedPolicy& loaded) {
  Report report;
  if (loaded.exit_code() == kExitOk) {
    LintPolicy(loaded.policy, loaded.diagnostics);
    for (const Node& node : loaded.nodes)
      report.nodes.push_back(CheckNode(loaded.policy, node, loaded.diagnostics));
  }
  for (const Diagnostic* diagnostic : InOrder(loaded.diagnostics)) {
    ++(diagnostic->severity == Severity::kError ? report.errors : report.warnings);
    if (IsUnreachedLint(diagnostic->name)) ++report.shadowed;
  }
  return report;
}

std::string Count(size_t count, const char* thing) {
  return fmt::format("{} {}{}", count, thing, count == 1 ? "" : "s");
}

std::string Summary(const LoadedPolicy& loaded, const Report& report, int code) {
  if (code == kExitFailure) return fmt::format("{}: could not be read", loaded.paths);
  const std::string warnings = report.warnings == 0 ? "" : ", " + Count(report.warnings, "warning");
  if (code == kExitInvalidPolicy) {
    return fmt::format("{}: {}{}", loaded.paths, Count(report.errors, "error"), warnings);
  }
  size_t active = 0, hold = 0;
  for (NodeReport node : report.nodes) {
    active += node[RuleState::kActive];
    hold += node.hold;
  }
  const std::string expectations =
      report.failed() == 0
          ? fmt::format("{} {}", Count(hold, "expectation"), hold == 1 ? "holds" : "hold")
          : fmt::format("{} of {} failed", report.failed(),
                        Count(hold + report.failed(), "expectation"));
  const std::string shadowed = report.shadowed == 0 ? "nothing" : Count(report.shadowed, "rule");
  return fmt::format("{}: {}, {} active, {}, {} shadowed{}", loaded.paths,
                     Count(report.nodes.size(), "node"), Count(active, "rule"), expectations,
                     shadowed, warnings);
}

ordered_json JsonOf(const LoadedPolicy& loaded, const Report& report, int code) {
  ordered_json nodes = ordered_json::array();
  for (NodeReport node : report.nodes) {
    ordered_json rules;
    for (const RuleState state :
         {RuleState::kActive, RuleState::kDisabled, RuleState::kExpired, RuleState::kInactive}) {
      rules[StateText(state)] = node[state];
    }
    nodes.push_back({{"node", node.name},
                     {"rules", rules},
                     {"expectations", node.expectations},
                     {"hold", node.hold}});
  }
  return {{"paths", loaded.paths},
          {"ok", code == kExitOk},
          {"nodes", nodes},
          {"errors", report.errors},
          {"warnings", report.warnings},
          {"shadowed", report.shadowed},
          {"unreadable", loaded.files.errors},
          {"diagnostics", DiagnosticsJson(loaded.sources(), loaded.diagnostics)}};
}

int RunCheck(const std::vector<std::string>& arguments);

}  // namespace

const Command kCheckCommand = {
    "check",
    "PATH... [--node NAME] [--strict]",
    "read a policy, resolve it, lint it, run its expectations",
    "Reads all files below the PATHs together, resolves every node (or the one that --node names), "
    "lints\n"
    "it, and tries what the policy expects: single packets are judged, regions (sets, ranges, "
    "`any`) "
    "are\n"
    "proved class by class, and one that fails shows a packet. Needs no privilege and changes "
    "nothing.\n"
    "Problems go to stderr with file, line and column; the last line, on stdout, "
    "sums up.\n"
    "\n"
    "The lints, each exact, and undecided rather than guessed: rules that no packet reaches "
    "(shadowed,\n"
    "covered by the failsafe, without addresses, of families that cannot meet, spoofed), redundant "
    "rules,\n"
    "rules that overlap with another action, anybody to anybody, ranges that touch a service of "
    "another\n"
    "rule, expired rules, unused sets, names that look alike. A rule silences one with a reason:\n"
    "`ignore: [redundant-rule: counted apart]`. Warnings fail the check with --strict only.\n"
    "\n"
    "  portmatrix check policies/examples/gateway\n"
    "  portmatrix check common profiles/full --node edge1 --strict\n"
    "\n"
    "exit codes: 0 all is well, 1 a file cannot be read, 3 the policy has errors, 6 an "
    "expectation\n"
    "fails, or with --strict there are warnings",
    {"node", "strict"},
    RunCheck,
};

namespace {

int RunCheck(const std::vector<std::string>& arguments) {
  if (arguments.empty()) return UsageError(kCheckCommand, "name at least one PATH");
  const auto loaded = LoadPolicy(arguments, FLAGS_node);
  int code = loaded->exit_code();
  const Report report = CheckAll(*loaded);
  if (code == kExitOk && (report.failed() > 0 || (FLAGS_strict && report.warnings > 0))) {
    code = kExitCheckFailed;
  }
  if (FLAGS_json) {
    PrintJson(JsonOf(*loaded, report, code));
  } else {
    PrintProblems(*loaded);
    fmt::print("{}\n", Summary(*loaded, report, code));
  }
  return code;
}

}  // namespace
}  // namespace portmatrix
