// SPDX-License-Identifier: Apache-2.0
// A capture of odd packets: every kind that the tables of odd_packets_*_test.cc know, in both
// families and directions, one behind the other as a wire would show them, and the line that
// `portmatrix replay` must say of each.
#ifndef PORTMATRIX_TESTS_KERNEL_ODD_CAPTURE_H_
#define PORTMATRIX_TESTS_KERNEL_ODD_CAPTURE_H_

#include <string>
#include <vector>

#include "tests/support/packet_builder.h"

namespace portmatrix {

struct CapturedRow {
  std::string name;
  wire::Bytes bytes;
  std::string expected;  // "in allow rule external/m/web", "out drop malformed"
};

// The policy that the lines are by; one rule a line. It is EdgeNode's (tests/support/edge_node.h),
// and two interfaces for tagged frames beside it.
extern const char* const kOddCapturePolicy;

std::vector<CapturedRow> OddCapture();

}  // namespace portmatrix

#endif  // PORTMATRIX_TESTS_KERNEL_ODD_CAPTURE_H_
