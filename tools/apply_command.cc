// SPDX-License-Identifier: Apache-2.0
// `portmatrix apply`: sends a policy to the agent, which puts it in force as one instant.
#include <fmt/format.h>
#include <gflags/gflags.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/policy/reader.h"
#include "agent/policy_files.h"
#include "agent/sources_json.h"
#include "tools/agent_client.h"
#include "tools/commands.h"
#include "tools/difference/difference_json.h"
#include "tools/difference/difference_text.h"
#include "tools/duration.h"
#include "tools/generation_policy.h"
#include "tools/loaded_policy.h"
#include "tools/screen.h"
#include "tools/ssh_session.h"

DECLARE_bool(json);
DECLARE_bool(by_rule);
DECLARE_bool(answers);
DECLARE_uint64(limit);
DEFINE_string(confirm, "",
              "go back by itself unless `portmatrix confirm` comes within this time: 60s, 5m, 1h");
DEFINE_bool(dry_run, false, "change nothing; show what would change");
DEFINE_bool(force, false,
            "install it despite failed expectations, guards and devices that cannot be hooked");

namespace portmatrix {
namespace {

using nlohmann::json;

int RunApply(const std::vector<std::string>& arguments);

}  // namespace

const Command kApplyCommand = {
    "apply",
    "PATH... [--confirm T] [--dry-run [--by-rule] [--answers] [--limit N]] [--force]",
    "put a policy in force, on trial if you like",
    "Reads all files below the PATHs together and sends them to the agent, which checks them, runs "
    "their\n"
    "expectations, and changes every hook of the node in one instant. Until then, and after any "
    "error, what\n"
    "was in force stays. A policy is refused that would cut the SSH session in which you give the "
    "command, or\n"
    "let a leased address of the host expire.\n"
    "\n"
    "With --confirm the change is a trial: unless `portmatrix confirm` comes in time, the kernel "
    "program\n"
    "itself goes back, whatever became of the agent or of your connection.\n"
    "\n"
    "With --dry-run nothing changes: it shows what the change would do, as `diff` says it (against "
    "what is in\n"
    "force), and what stands against it.\n"
    "\n"
    "  portmatrix apply --dry-run common profiles/full\n"
    "  portmatrix apply --confirm 60s common profiles/full && portmatrix confirm\n"
    "\n"
    "exit codes: 0 in force (or on trial, or unchanged), 1 runtime failure, 2 usage, 3 invalid "
    "policy,\n"
    "            4 not permitted, 5 agent unreachable, 6 an expectation or guard stands against it",
    {"confirm", "dry_run", "by_rule", "answers", "limit", "force"},
    RunApply,
};

namespace {

// A text that is not UTF-8 cannot be sent. The policy reader refuses it too, and says where.
int ReportNotUtf8(const Sources& sources) {
  Diagnostics diagnostics;
  (void)ReadPolicy(sources, diagnostics);
  AgentAnswer answer;
  answer.code = kExitInvalidPolicy;
  answer.text = "the policy is not UTF-8";
  answer.diagnostics = Render(sources, diagnostics);
  return ReportFailure(kApplyCommand, answer);
}

// What the policy would change against what is in force, worked out here from the files of both.
struct ForeseenChange {
  std::unique_ptr<LoadedPolicy> candidate;
  std::unique_ptr<GenerationPolicy> judging;  // null: nothing is in force
  std::optional<PolicyDifference> difference;
  std::string why_not;
};

ForeseenChange Foresee(const std::vector<std::string>& paths) {
  ForeseenChange foreseen;
  const AgentAnswer status = GetFromAgent("/v1/status");
  if (status.code != kExitOk) {
    foreseen.why_not = status.text;
    return foreseen;
  }
  foreseen.candidate = LoadPolicy(paths, status.body.value("node", ""));
  if (foreseen.candidate->nodes.size() != 1) {
    foreseen.why_not = "the files have changed meanwhile";
    return foreseen;
  }
  DifferenceSide before;
  const json generation = status.body.value("generation", json());
  if (generation.is_object()) {
    foreseen.judging = FetchGeneration(generation.value("number", uint64_t{0}), &foreseen.why_not);
    if (foreseen.judging == nullptr) return foreseen;
    before = foreseen.judging->side();
  }
  foreseen.difference =
      ComparePolicies(before,
                      {&foreseen.candidate->nodes.front(), &foreseen.candidate->policy,
                       &foreseen.candidate->sources()},
                      {.by_rule = FLAGS_by_rule, .all_answers = FLAGS_answers});
  return foreseen;
}

void PrintRules(const json& rules) {
  const auto print = [&](const char* key, const char* sign, Colour colour) {
    for (const json& rule : rules.value(key, json::array()))
      fmt::print("{}\n",
                 Paint(stdout, colour, fmt::format("{} {}", sign, rule.get<std::string>())));
  };
  print("removed", "-", Colour::kRed);
  print("changed", "~", Colour::kYellow);
  print("added", "+", Colour::kGreen);
  if (rules.value("reordered", false)) fmt::print("rules that stay are judged in another order\n");
}

std::string Outcome(const json& body, std::optional<uint64_t> confirm_seconds) {
  const std::string result = body.value("result", "");
  const uint64_t number = body.value("generation", uint64_t{0});
  if (result == "unchanged")
    return fmt::format("unchanged: generation {} is this policy already", number);
  if (result == "dry-run")
    return fmt::format("dry run: it would be generation {}; nothing was changed", number);
  if (result == "pending")
    return fmt::format(
        "generation {} judges on trial until {}: `portmatrix confirm` within {} keeps it", number,
        body.value("deadline", json()).is_string() ? body["deadline"].get<std::string>() : "?",
        DurationText(confirm_seconds.value_or(0)));
  return fmt::format("generation {} is in force", number);
}

json ObjectionsIn(const json& body) { return body.value("objections", json::array()); }

// Of a dry run: why the change itself would be refused.
int ReportObjections(const json& body) {
  const json objections = ObjectionsIn(body);
  for (const json& objection : objections)
    fmt::print(stderr, "{} {}\n", Paint(stderr, Colour::kRed, "would be refused:"),
               objection.get<std::string>());
  return objections.empty() ? kExitOk : kExitCheckFailed;
}

int RunApply(const std::vector<std::string>& arguments) {
  if (arguments.empty()) return UsageError(kApplyCommand, "name at least one PATH");
  std::optional<uint64_t> confirm_seconds;
  if (!FLAGS_confirm.empty()) {
    confirm_seconds = ParseDuration(FLAGS_confirm);
    if (!confirm_seconds || *confirm_seconds == 0)
      return UsageError(
          kApplyCommand,
          fmt::format("--confirm: `{}` is no time; write 60s, 5m or 1h", FLAGS_confirm));
  }
  const PolicyFiles files = ReadPolicyFiles(arguments);
  if (!files.errors.empty()) {
    AgentAnswer answer;
    answer.code = kExitFailure;
    answer.text = fmt::format("{}", files.errors[0]);
    for (size_t i = 1; i < files.errors.size(); ++i) answer.text += "; " + files.errors[i];
    return ReportFailure(kApplyCommand, answer);
  }
  std::string text = R"({"files":)";
  if (!AppendJson(files.sources, &text)) return ReportNotUtf8(files.sources);
  json body = {{"dry_run", FLAGS_dry_run}, {"force", FLAGS_force}};
  if (confirm_seconds) body["confirm_seconds"] = *confirm_seconds;
  if (const auto session = FindSshSession()) body["session"] = *session;
  text += "," + body.dump().substr(1);
  const AgentAnswer answer = PostToAgent("/v1/apply", text);
  if (answer.code != kExitOk) return ReportFailure(kApplyCommand, answer);
  ForeseenChange foreseen;
  if (FLAGS_dry_run) foreseen = Foresee(arguments);
  if (FLAGS_json) {
    nlohmann::ordered_json told = answer.body;
    if (FLAGS_dry_run)
      told["difference"] = foreseen.difference ? JsonOf(*foreseen.difference, FLAGS_limit)
                                               : nlohmann::ordered_json();
    PrintJson(told);
    return ObjectionsIn(answer.body).empty() ? kExitOk : kExitCheckFailed;
  }
  fmt::print(stderr, "{}", PaintDiagnostics(stderr, answer.body.value("warnings", "")));
  for (const json& alarm : answer.body.value("alarms", json::array()))
    fmt::print(stderr, "{} {}\n", Paint(stderr, Colour::kRed, "alarm:"), alarm.get<std::string>());
  if (foreseen.difference) {
    fmt::print("{}", TextOf(*foreseen.difference, FLAGS_limit));
  } else if (FLAGS_dry_run) {
    PrintRules(answer.body.value("rules", json::object()));
    fmt::print(stderr, "which packets change is not known: {}\n", foreseen.why_not);
  }
  fmt::print("{}\n", Outcome(answer.body, confirm_seconds));
  return ReportObjections(answer.body);
}

}  // namespace
}  // namespace portmatrix
