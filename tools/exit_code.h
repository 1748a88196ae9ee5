// SPDX-License-Identifier: Apache-2.0
// How the command ends. Scripts depend on these numbers.
#ifndef PORTMATRIX_TOOLS_EXIT_CODE_H_
#define PORTMATRIX_TOOLS_EXIT_CODE_H_

namespace portmatrix {

enum ExitCode : int {
  kExitOk = 0,
  kExitFailure = 1,        // the world refused: a file, a map, a device
  kExitUsage = 2,          // the command line was wrong
  kExitInvalidPolicy = 3,  // the policy has errors
  kExitNotPermitted = 4,
  kExitNoAgent = 5,      // the agent cannot be reached
  kExitCheckFailed = 6,  // a check, guard or expectation failed
};

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_EXIT_CODE_H_
