// SPDX-License-Identifier: Apache-2.0
// What the kernel's verifier had to do for one program, the committed record of it
// (verifier_counts.txt), and the judgement of the one by the other: a program that suddenly costs
// much more is on its way to being refused by somebody's kernel.
#ifndef PORTMATRIX_TESTS_KERNELS_VERIFIER_COUNTS_H_
#define PORTMATRIX_TESTS_KERNELS_VERIFIER_COUNTS_H_

#include <cstdint>
#include <istream>
#include <map>
#include <optional>
#include <string>

namespace portmatrix {

// The design's bound for each program, on every kernel.
inline constexpr uint64_t kMostInstructions = 400'000;
inline constexpr uint64_t kMostGrowthPercent = 15;

struct VerifierCounts {
  uint64_t instructions = 0;  // walked, each path anew
  uint64_t states = 0;        // kept to compare with, in total
  uint64_t peak_states = 0;   // kept at one time

  bool operator==(const VerifierCounts&) const = default;
};

// "6.1 clang-14 pm_xdp": kernel series, compiler, program.
using VerifierRecord = std::map<std::string, VerifierCounts>;

// From the verifier's statistics ("processed 128042 insns ... total_states 3462 peak_states 1176"),
// as kernels write them since 5.2; nothing where the text holds none.
std::optional<VerifierCounts> ReadVerifierLog(const std::string& log);

// Lines "KERNEL COMPILER PROGRAM INSTRUCTIONS STATES PEAK"; # begins a comment. Nothing where a
// line is none of these.
std::optional<VerifierRecord> ReadVerifierRecord(std::istream& text);

// Why these counts are too much; empty: they are not. A kernel without any line in the record is
// held to the bound alone.
std::string WhyTooMuch(const std::string& name, const VerifierCounts& counts,
                       const VerifierRecord& record);

}  // namespace portmatrix

#endif  // PORTMATRIX_TESTS_KERNELS_VERIFIER_COUNTS_H_
