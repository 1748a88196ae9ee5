// SPDX-License-Identifier: Apache-2.0
// The command line, read before gflags sees it: gflags knows one program with all flags, here each
// command has its own.
#ifndef PORTMATRIX_TOOLS_ARGUMENTS_H_
#define PORTMATRIX_TOOLS_ARGUMENTS_H_

#include <string>
#include <vector>

#include "tools/command.h"

namespace portmatrix {

struct Arguments {
  std::vector<std::string> words;  // what is no flag, in order; the first names the command
  std::vector<std::string> flags;  // as written, a value that stood apart joined with `=`
  bool help = false;               // -h or --help
  bool version = false;
  std::string problem;  // what is wrong, empty if nothing
};

// One or two dashes, `=` or a blank before the value; `--` ends the flags. Knows the flags of all
// commands.
Arguments ReadArguments(const std::vector<std::string>& arguments);

// The first of `flags` that `command` does not take, as a message; empty if it takes all.
std::string UnknownFlag(const Command& command, const std::vector<std::string>& flags);

// The command of this name, or null.
const Command* FindCommand(const std::string& name);

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_ARGUMENTS_H_
