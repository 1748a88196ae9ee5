// SPDX-License-Identifier: Apache-2.0
// The text of `portmatrix help limits`.
#ifndef PORTMATRIX_TOOLS_LIMITS_HELP_H_
#define PORTMATRIX_TOOLS_LIMITS_HELP_H_

#include <string>

namespace portmatrix {

std::string LimitsHelp();

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_LIMITS_HELP_H_
