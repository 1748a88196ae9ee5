// SPDX-License-Identifier: Apache-2.0
#include "tools/policy_choice.h"

#include <fmt/format.h>
#include <gflags/gflags.h>

DECLARE_string(node);
DEFINE_string(policy, "", "policy files and directories, separated by commas");
DEFINE_string(interface, "",
              "an interface of the policy: the one that the packet meets, or the only one to show");
DEFINE_string(direction, "", "in (received by the device) or out (sent by it)");

namespace portmatrix {
namespace {

// The one that is meant by `name`; its index, or a message.
std::optional<size_t> Choose(const std::vector<std::string>& names, const std::string& name,
                             const std::string& flag, const std::string& where,
                             std::string* problem) {
  if (name.empty() && names.size() == 1) return 0;
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return i;
  }
  if (names.empty()) {
    *problem = fmt::format("{} has no {}", where, flag);
  } else if (name.empty()) {
    *problem = fmt::format("say which {} with --{}: {} has {}", flag, flag, where, Listed(names));
  } else {
    *problem = fmt::format("{} has no {} `{}`; it has {}", where, flag, name, Listed(names));
  }
  return std::nullopt;
}

}  // namespace

std::string Listed(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " and " : ", ";
    text += names[i];
  }
  return text;
}

int ChoosePolicy(const Command& command, PolicyChoice* choice) {
  choice->loaded = LoadPolicy({FLAGS_policy}, FLAGS_node);
  const LoadedPolicy& loaded = *choice->loaded;
  if (loaded.exit_code() != kExitOk) {
    PrintProblems(loaded);
    return loaded.exit_code();
  }
  if (const int code = ChooseNode(command, loaded, &choice->node); code != kExitOk) return code;
  return ChooseInterface(command, choice);
}

int ChooseNode(const Command& command, const LoadedPolicy& loaded, const Node** node) {
  std::vector<std::string> nodes;
  for (const Node& each : loaded.nodes) nodes.push_back(each.name);
  std::string problem;
  const auto index = Choose(nodes, FLAGS_node, "node", loaded.paths, &problem);
  if (!index) return UsageError(command, problem);
  *node = &loaded.nodes[*index];
  return kExitOk;
}

int ChooseInterface(const Command& command, PolicyChoice* choice) {
  std::vector<std::string> interfaces;
  std::string problem;
  for (const Interface& interface : choice->node->interfaces) interfaces.push_back(interface.name);
  const auto index =
      Choose(interfaces, FLAGS_interface, "interface", "node " + choice->node->name, &problem);
  if (!index) return UsageError(command, problem);
  choice->index = *index;
  return kExitOk;
}

bool ChooseDirection(const Command& command, std::optional<Direction>* direction) {
  if (FLAGS_direction.empty()) return true;
  for (const Direction each : {Direction::kIn, Direction::kOut}) {
    if (FLAGS_direction != ToString(each)) continue;
    *direction = each;
    return true;
  }
  UsageError(command, fmt::format("--direction is `in` or `out`, not `{}`", FLAGS_direction));
  return false;
}

}  // namespace portmatrix
