// SPDX-License-Identifier: Apache-2.0
// The table of commands, in the order in which `help` lists them: one line each.
#ifndef PORTMATRIX_TOOLS_COMMANDS_H_
#define PORTMATRIX_TOOLS_COMMANDS_H_

#include "tools/command.h"

#define PORTMATRIX_COMMANDS(X) \
  X(Check)                     \
  X(Show)                      \
  X(Diff)                      \
  X(Import)                    \
  X(Trace)                     \
  X(Replay)                    \
  X(Flows)                     \
  X(Apply)                     \
  X(Confirm)                   \
  X(Rollback)                  \
  X(History)                   \
  X(Status)                    \
  X(Counters)                  \
  X(Top)                       \
  X(Report)                    \
  X(Detach)

namespace portmatrix {

#define X(name) extern const Command k##name##Command;
PORTMATRIX_COMMANDS(X)
#undef X

#define X(name) &k##name##Command,
inline constexpr const Command* kCommands[] = {PORTMATRIX_COMMANDS(X)};
#undef X

// Flags that every command takes.
inline constexpr const char* kGlobalFlags[] = {"json", "pin_root", "socket"};

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_COMMANDS_H_
