// SPDX-License-Identifier: Apache-2.0
// Kernel tests run where BPF programs may be loaded, and skip with a reason elsewhere.
#ifndef PORTMATRIX_TESTS_KERNEL_PRIVILEGE_H_
#define PORTMATRIX_TESTS_KERNEL_PRIVILEGE_H_

#include <string>

namespace portmatrix {

// Why no BPF program can be loaded here; empty: it can.
std::string WhyNoKernel();

}  // namespace portmatrix

// Use as the first statement of a test.
#define NEEDS_KERNEL()                                                                        \
  do {                                                                                        \
    if (const std::string why = portmatrix::WhyNoKernel(); !why.empty()) GTEST_SKIP() << why; \
  } while (false)

#endif  // PORTMATRIX_TESTS_KERNEL_PRIVILEGE_H_
