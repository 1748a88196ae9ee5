// SPDX-License-Identifier: Apache-2.0
#include "tools/help.h"

#include <fmt/format.h>
#include <gflags/gflags.h>

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <vector>

#include "agent/policy/suggestion.h"
#include "tools/commands.h"

namespace portmatrix {
namespace {

std::string FlagLine(const char* name) {
  gflags::CommandLineFlagInfo flag;
  if (!gflags::GetCommandLineFlagInfo(name, &flag)) return "";
  std::string left = fmt::format("--{}", name);
  if (flag.type != "bool") left += " VALUE";
  std::string right = flag.description;
  if (flag.type != "bool" && !flag.default_value.empty()) {
    right += fmt::format(" (default: {})", flag.default_value);
  }
  return fmt::format("  {:<22} {}\n", left, right);
}

}  // namespace

std::string GeneralHelp() {
  std::string text =
      "portmatrix: a port matrix, enforced in the kernel\n"
      "\n"
      "usage: portmatrix [--json] COMMAND ...\n"
      "\n";
  size_t width = 0;
  for (const Command* command : kCommands) {
    width = std::max(width, std::string_view(command->name).size());
  }
  for (const Command* command : kCommands) {
    text += fmt::format("  {:<{}}  {}\n", command->name, width, command->summary);
  }
  text +=
      "\n"
      "`portmatrix help COMMAND` tells more, `portmatrix help limits` how large things may be.\n"
      "A PATH is a policy file or a directory of *.yaml; several (common parts and a profile) are "
      "read together.\n"
      "With --json the output is for programs.\n"
      "\n"
      "exit codes: 0 ok, 1 runtime failure, 2 usage, 3 invalid policy, 4 not permitted,\n"
      "            5 agent unreachable, 6 a check, guard or expectation failed\n";
  return text;
}

std::string HelpOf(const Command& command) {
  std::string text =
      fmt::format("usage: portmatrix {} {}\n\n{}\n", command.name, command.arguments, command.help);
  std::string flags;
  for (const char* flag : command.flags) flags += FlagLine(flag);
  for (const char* flag : kGlobalFlags) flags += FlagLine(flag);
  return text + "\nflags (one or two dashes, `=` or a blank before the value):\n" + flags;
}

std::string UnknownCommand(const std::string& name) {
  std::vector<std::string> known = {"help"};
  for (const Command* command : kCommands) known.emplace_back(command->name);
  const std::string nearest = Nearest(name, known);
  return nearest.empty()
             ? fmt::format("there is no command `{}`", name)
             : fmt::format("there is no command `{}`; did you mean `{}`?", name, nearest);
}

int UsageError(const Command& command, const std::string& message) {
  fmt::print(stderr,
             "portmatrix {}: {}\nusage: portmatrix {} {}\n(`portmatrix help {}` tells more)\n",
             command.name, message, command.name, command.arguments, command.name);
  return kExitUsage;
}

}  // namespace portmatrix
