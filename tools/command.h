// SPDX-License-Identifier: Apache-2.0
// A subcommand of portmatrix: what `help` says of it, which flags it takes, and what it does.
//
// A new one is a file NAME_command.cc that includes commands.h and defines `const Command
// kNameCommand`, and one line in commands.h. commands.h.
#ifndef PORTMATRIX_TOOLS_COMMAND_H_
#define PORTMATRIX_TOOLS_COMMAND_H_

#include <string>
#include <vector>

#include "tools/exit_code.h"

namespace portmatrix {

struct Command {
  const char* name;
  const char* arguments;  // "PATH... [--node NAME]"
  const char* summary;    // one line, for the list of commands
  const char* help;       // what it does and shows, with examples; lines end where they shall end
  std::vector<const char*> flags;  // gflags' names, beside the global ones
  // Gets what is no flag, without the command's name. Returns an ExitCode.
  int (*run)(const std::vector<std::string>& arguments);
};

// Prints "portmatrix NAME: MESSAGE", the command's usage line and where help is, to stderr. Returns
// kExitUsage.
int UsageError(const Command& command, const std::string& message);

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_COMMAND_H_
