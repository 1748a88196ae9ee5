// SPDX-License-Identifier: Apache-2.0
// The portmatrix command: finds the subcommand, gives gflags its flags, and turns what happened
// into an exit code.
#include <fmt/format.h>
#include <gflags/gflags.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include "agent/datapath/pins.h"
#include "tools/arguments.h"
#include "tools/commands.h"
#include "tools/help.h"
#include "tools/limits_help.h"

DEFINE_bool(json, false, "print JSON, stable and exact, instead of text");
DEFINE_string(pin_root, portmatrix::kDefaultPinRoot, "where the agent's maps and links are pinned");
DEFINE_string(socket, "/run/portmatrix/control.sock", "the agent's control socket");

// gflags ends the program by itself at a value that it cannot read, through this.
namespace GFLAGS_NAMESPACE {
extern void (*gflags_exitfunc)(int);
}

namespace portmatrix {
namespace {

int Fail(const std::string& message) {
  fmt::print(stderr, "portmatrix: {}\n(`portmatrix help` lists the commands)\n", message);
  return kExitUsage;
}

int Help(const std::vector<std::string>& words) {
  if (words.empty()) {
    fmt::print("{}", GeneralHelp());
    return kExitOk;
  }
  if (words[0] == "limits") {
    fmt::print("{}", LimitsHelp());
    return kExitOk;
  }
  const Command* command = FindCommand(words[0]);
  if (command == nullptr) return Fail(UnknownCommand(words[0]));
  fmt::print("{}", HelpOf(*command));
  return kExitOk;
}

// NOLINTNEXTLINE(readability-non-const-parameter): gflags takes it as it came to main
void SetFlags(char* program, const std::vector<std::string>& flags) {
  GFLAGS_NAMESPACE::gflags_exitfunc = [](int) { std::exit(kExitUsage); };
  std::vector<std::string> texts = flags;
  std::vector<char*> pointers = {program};
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  int count = static_cast<int>(pointers.size()) - 1;
  char** values = pointers.data();
  gflags::ParseCommandLineNonHelpFlags(&count, &values, false);
}

int Run(int argc, char** argv) {
  const Arguments arguments = ReadArguments({argv + 1, argv + argc});
  std::vector<std::string> words = arguments.words;
  if (arguments.version) {
    fmt::print("portmatrix {}\n", PORTMATRIX_VERSION);
    return kExitOk;
  }
  if (words.empty() && arguments.help) return Help({});
  if (words.empty()) {
    if (!arguments.problem.empty()) return Fail(arguments.problem);
    fmt::print(stderr, "{}", GeneralHelp());
    return kExitUsage;
  }
  const std::string name = words[0];
  if (name != "help") {
    const Command* command = FindCommand(name);
    if (command == nullptr) return Fail(UnknownCommand(name));
    if (arguments.help) return Help({name});
    if (!arguments.problem.empty()) return UsageError(*command, arguments.problem);
    if (const std::string flag = UnknownFlag(*command, arguments.flags); !flag.empty()) {
      return UsageError(*command, flag);
    }
    SetFlags(argv[0], arguments.flags);
    words.erase(words.begin());
    return command->run(words);
  }
  words.erase(words.begin());
  return Help(words);
}

}  // namespace
}  // namespace portmatrix

int main(int argc, char** argv) {
  try {
    const int code = portmatrix::Run(argc, argv);
    if (std::fflush(stdout) == 0) return code;
    fmt::print(stderr, "portmatrix: write to standard output: failed\n");
  } catch (const std::exception& failure) {
    fmt::print(stderr, "portmatrix: {}\n", failure.what());
  }
  return portmatrix::kExitFailure;
}
