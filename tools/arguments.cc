// SPDX-License-Identifier: Apache-2.0
#include "tools/arguments.h"

#include <fmt/format.h>
#include <gflags/gflags.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "agent/policy/suggestion.h"
#include "tools/commands.h"

namespace portmatrix {
namespace {

std::vector<std::string> FlagsOf(const Command& command) {
  std::vector<std::string> flags(std::begin(kGlobalFlags), std::end(kGlobalFlags));
  flags.insert(flags.end(), command.flags.begin(), command.flags.end());
  return flags;
}

std::vector<std::string> AllFlags() {
  std::set<std::string> flags;
  for (const Command* command : kCommands) {
    for (std::string& flag : FlagsOf(*command)) flags.insert(std::move(flag));
  }
  return {flags.begin(), flags.end()};
}

bool IsBool(const std::string& flag) {
  gflags::CommandLineFlagInfo description;
  return gflags::GetCommandLineFlagInfo(flag.c_str(), &description) && description.type == "bool";
}

// "--json=false" to "json", "--nojson" to "json", "--dry-run" to "dry_run".
std::string NameOf(std::string_view flag, const std::vector<std::string>& known) {
  flag.remove_prefix(flag.starts_with("--") ? 2 : 1);
  std::string name(flag.substr(0, flag.find('=')));
  std::ranges::replace(name, '-', '_');  // --dry-run, as gflags reads it
  if (std::ranges::find(known, name) == known.end() && name.starts_with("no")) {
    std::string positive = name.substr(2);
    if (std::ranges::find(known, positive) != known.end() && IsBool(positive)) return positive;
  }
  return name;
}

std::string NoSuchFlag(const std::string& name, const std::vector<std::string>& known) {
  const std::string nearest = Nearest(name, known);
  return nearest.empty() ? fmt::format("there is no flag --{}", name)
                         : fmt::format("there is no flag --{}; did you mean --{}?", name, nearest);
}

}  // namespace

Arguments ReadArguments(const std::vector<std::string>& arguments) {
  const std::vector<std::string> known = AllFlags();
  Arguments result;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "--") {
      result.words.insert(result.words.end(),
                          arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1, arguments.end());
      break;
    }
    if (argument.size() < 2 || argument[0] != '-') {
      result.words.push_back(argument);
      continue;
    }
    const std::string name = NameOf(argument, known);
    if (name == "help" || name == "h") {
      result.help = true;
    } else if (name == "version") {
      result.version = true;
    } else if (std::ranges::find(known, name) == known.end()) {
      if (result.problem.empty()) result.problem = NoSuchFlag(name, known);
    } else if (IsBool(name) || argument.find('=') != std::string::npos) {
      result.flags.push_back(argument);
    } else if (i + 1 < arguments.size()) {
      result.flags.push_back(fmt::format("{}={}", argument, arguments[++i]));
    } else if (result.problem.empty()) {
      result.problem = fmt::format("flag --{} needs a value", name);
    }
  }
  return result;
}

std::string UnknownFlag(const Command& command, const std::vector<std::string>& flags) {
  const std::vector<std::string> taken = FlagsOf(command), known = AllFlags();
  for (const std::string& flag : flags) {
    const std::string name = NameOf(flag, known);
    if (std::ranges::find(taken, name) == taken.end())
      return fmt::format("it takes no flag --{}", name);
  }
  return "";
}

const Command* FindCommand(const std::string& name) {
  const auto found = std::ranges::find_if(
      kCommands, [&](const Command* command) { return name == command->name; });
  return found == std::end(kCommands) ? nullptr : *found;
}

}  // namespace portmatrix
