// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/privilege.h"

#include <unistd.h>

namespace portmatrix {

std::string WhyNoKernel() { return geteuid() == 0 ? "" : "needs root to load BPF programs"; }

}  // namespace portmatrix
