// SPDX-License-Identifier: Apache-2.0
// Any text as a vendor's port summary: it must not crash, and what is made of it must be a policy
// file that says as much as the import counted.
#ifndef PORTMATRIX_TESTS_FUZZ_IMPORT_READING_H_
#define PORTMATRIX_TESTS_FUZZ_IMPORT_READING_H_

#include <string>
#include <string_view>

namespace portmatrix {

// The first byte chooses: bit 0 CSV instead of a page, bit 1 the narrow reading. What is wrong with
// the answer, in words; empty if nothing is.
std::string ImportProblem(std::string_view input);

}  // namespace portmatrix

#endif  // PORTMATRIX_TESTS_FUZZ_IMPORT_READING_H_
