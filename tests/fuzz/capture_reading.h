// SPDX-License-Identifier: Apache-2.0
// Any bytes as a capture file: reading it must not crash, must end, and what is wrong must be said
// in words.
#ifndef PORTMATRIX_TESTS_FUZZ_CAPTURE_READING_H_
#define PORTMATRIX_TESTS_FUZZ_CAPTURE_READING_H_

#include <string>
#include <string_view>

namespace portmatrix {

// What is wrong with how `file` is read, in words; empty if nothing is.
std::string CaptureProblem(std::string_view file);

}  // namespace portmatrix

#endif  // PORTMATRIX_TESTS_FUZZ_CAPTURE_READING_H_
