// SPDX-License-Identifier: Apache-2.0
// Any text as a policy, all the way to the map image: it must not crash, and whatever it refuses
// has a place and a message.
#ifndef PORTMATRIX_TESTS_FUZZ_POLICY_READING_H_
#define PORTMATRIX_TESTS_FUZZ_POLICY_READING_H_

#include <string>
#include <string_view>

namespace portmatrix {

// Reads, resolves, lints, judges expectations and compiles. Bytes behind a zero byte are the
// contents of every list file that the document names. What is wrong with the answer, in words;
// empty if nothing is.
std::string PolicyProblem(std::string_view text);

}  // namespace portmatrix

#endif  // PORTMATRIX_TESTS_FUZZ_POLICY_READING_H_
