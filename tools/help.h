// SPDX-License-Identifier: Apache-2.0
// What `help` prints, made from the table of commands.
#ifndef PORTMATRIX_TOOLS_HELP_H_
#define PORTMATRIX_TOOLS_HELP_H_

#include <string>

#include "tools/command.h"

namespace portmatrix {

std::string GeneralHelp();
std::string HelpOf(const Command& command);
// "no command `chek`; did you mean `check`?"
std::string UnknownCommand(const std::string& name);

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_HELP_H_
