// SPDX-License-Identifier: Apache-2.0
// Any calls to the agent's API, by anybody, on a kernel in memory: nothing crashes, each answer is
// JSON of the documented form, and who may not change anything changes nothing.
#ifndef PORTMATRIX_TESTS_FUZZ_API_CALLS_H_
#define PORTMATRIX_TESTS_FUZZ_API_CALLS_H_

#include <string>
#include <string_view>

namespace portmatrix {

// At most 16 calls, parted by zero bytes, of one agent that starts anew for each input. Each is one
// character for the caller (`r` root, `s` a stranger, else nobody knows who), then `METHOD
// PATH?key=value&key=value`, a line's end, and the body. What is wrong with an answer, in words;
// empty if nothing is.
std::string ApiProblem(std::string_view input);

}  // namespace portmatrix

#endif  // PORTMATRIX_TESTS_FUZZ_API_CALLS_H_
