// SPDX-License-Identifier: Apache-2.0
// `portmatrix diff`: what another policy does to a node's packets, before it is in force.
#include <fmt/format.h>
#include <gflags/gflags.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tools/commands.h"
#include "tools/difference/difference_json.h"
#include "tools/difference/difference_text.h"
#include "tools/difference/policy_difference.h"
#include "tools/loaded_policy.h"
#include "tools/policy_choice.h"

DECLARE_bool(json);
DECLARE_string(node);
DEFINE_bool(by_rule, false, "show packets too whose verdict stays, but comes from another rule");
DEFINE_bool(answers, false, "show answers too that only follow from a line about what they answer");
DEFINE_bool(exit_code, false, "end with 6 if a packet's fate may change, for scripts");
DEFINE_uint64(limit, 200, "show at most so many rules and so many lines of packets; 0: all");

namespace portmatrix {
namespace {

int RunDiff(const std::vector<std::string>& arguments);

}  // namespace

const Command kDiffCommand = {
    "diff",
    "OLD NEW [--node NAME] [--by-rule] [--answers] [--exit-code] [--limit N]",
    "what a change does: to properties, to rules, and to exactly which packets",
    "OLD and NEW are policies: files or directories, several of one policy separated by commas. "
    "Shows for one\n"
    "node which properties and rules differ, and the exact set of packets whose fate changes, each "
    "with what\n"
    "decided and what will decide. Policies that are only written differently have no such "
    "packets. "
    "Needs no\n"
    "privilege and no agent.\n"
    "\n"
    "A packet's fate is what happens to it on an interface by its addresses and ports: the verdict "
    "that an\n"
    "expectation would see for an opening packet (audit not counted). Lines marked `answers` are "
    "about packets\n"
    "that open nothing, where no line about the packets that they answer says the same. + passes "
    "now, - drops\n"
    "now, ~ (with --by-rule) has another rule or reason. `any but X` leaves X out, and a name "
    "stands "
    "for a set of\n"
    "the policy. Sources that are spoofed in any case (local ones, loopback, multicast) are not "
    "taken out of\n"
    "`any`. A line of both families speaks of IPv4 to IPv4 and IPv6 to IPv6. What dynamic sets "
    "hold "
    "is not\n"
    "known: lines say `in dynamic set X` or `outside` it where that makes the difference. A set "
    "that both\n"
    "policies name holds the same under both. What is too much to work out is named.\n"
    "\n"
    "  portmatrix diff common,profiles/full common,profiles/functions --node edge1\n"
    "  portmatrix --json diff old.yaml new.yaml\n"
    "  portmatrix diff --exit-code old.yaml new.yaml || echo \"look at it first\"\n"
    "\n"
    "exit codes: 0 shown (also where there are differences), 1 a file cannot be read, 2 usage, 3 a "
    "policy has\n"
    "            errors, 6 with --exit-code: packets or properties differ (rules alone do not "
    "count)",
    {"node", "by_rule", "answers", "exit_code", "limit"},
    RunDiff,
};

namespace {

// --node, or the only one that both have; empty with the usage printed.
std::string ChooseNode(const LoadedPolicy& before, const LoadedPolicy& after) {
  if (!FLAGS_node.empty()) return FLAGS_node;
  std::vector<std::string> names;
  for (const Node& node : after.nodes) {
    if (std::ranges::find(before.nodes, node.name, &Node::name) != before.nodes.end())
      names.push_back(node.name);
  }
  if (names.size() == 1) return names[0];
  UsageError(kDiffCommand, names.empty() ? "the two policies have no node in common"
                                         : "name the node with --node: both have " + Listed(names));
  return "";
}

const Node* Find(const LoadedPolicy& loaded, const std::string& name) {
  const auto found = std::ranges::find(loaded.nodes, name, &Node::name);
  return found == loaded.nodes.end() ? nullptr : &*found;
}

int RunDiff(const std::vector<std::string>& arguments) {
  if (arguments.size() != 2) return UsageError(kDiffCommand, "name two policies, OLD and NEW");
  const auto before = LoadPolicy({arguments[0]}, FLAGS_node);
  const auto after = LoadPolicy({arguments[1]}, FLAGS_node);
  for (const auto* loaded : {&before, &after}) {
    PrintProblems(**loaded);
    if ((*loaded)->exit_code() != kExitOk) return (*loaded)->exit_code();
  }
  const std::string name = ChooseNode(*before, *after);
  if (name.empty()) return kExitUsage;
  const PolicyDifference difference =
      ComparePolicies({Find(*before, name), &before->policy, &before->sources()},
                      {Find(*after, name), &after->policy, &after->sources()},
                      {.by_rule = FLAGS_by_rule, .all_answers = FLAGS_answers});
  if (FLAGS_json) {
    PrintJson(JsonOf(difference, FLAGS_limit));
  } else {
    fmt::print("{}", TextOf(difference, FLAGS_limit));
  }
  return FLAGS_exit_code && difference.changes_fate() ? kExitCheckFailed : kExitOk;
}

}  // namespace
}  // namespace portmatrix
