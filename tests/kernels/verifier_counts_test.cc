// SPDX-License-Identifier: Apache-2.0
// The record of what the verifier had to do, and when a test fails by it.
#include "tests/kernels/verifier_counts.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "tests/support/source_tree.h"

namespace portmatrix {
namespace {

VerifierRecord RecordOf(const std::string& text) {
  std::istringstream lines(text);
  return ReadVerifierRecord(lines).value();
}

TEST(VerifierLog, IsReadToItsCounts) {
  EXPECT_EQ(
      ReadVerifierLog("verification time 298243 usec\nstack depth 192+8\nprocessed 128042 insns "
                      "(limit 1000000) max_states_per_insn 20 total_states 3462 peak_states "
                      "1176 mark_read 0\n"),
      (VerifierCounts{128042, 3462, 1176}));
  EXPECT_EQ(ReadVerifierLog(""), std::nullopt);
  EXPECT_EQ(ReadVerifierLog("processed many insns\n"), std::nullopt);
}

TEST(VerifierRecord, IsReadLineByLine) {
  EXPECT_EQ(RecordOf("# a comment\n\n6.1 clang-14 pm_xdp 100 20 3  # another\n"),
            (VerifierRecord{{"6.1 clang-14 pm_xdp", {100, 20, 3}}}));
  for (const char* bad : {"6.1 clang-14 pm_xdp 100 20\n", "6.1 clang-14 pm_xdp 100 20 3 4\n",
                          "6.1 clang-14 pm_xdp a b c\n"}) {
    std::istringstream lines(bad);
    EXPECT_EQ(ReadVerifierRecord(lines), std::nullopt) << bad;
  }
}

TEST(VerifierRecord, TellsOfAJumpAndHowToRenewIt) {
  const VerifierRecord record = RecordOf("6.1 clang-14 pm_xdp 100000 2000 1000\n");
  const std::string renewal =
      "if that is meant, tests/kernels/record writes tests/kernels/verifier_counts.txt anew";
  const struct {
    const char* name;
    const char* program;
    VerifierCounts counts;
    std::string why;
  } kRows[] = {
      {"as recorded", "6.1 clang-14 pm_xdp", {100000, 2000, 1000}, ""},
      {"less", "6.1 clang-14 pm_xdp", {1, 1, 1}, ""},
      {"15 % more", "6.1 clang-14 pm_xdp", {115000, 2300, 1150}, ""},
      {"instructions jump",
       "6.1 clang-14 pm_xdp",
       {115001, 2000, 1000},
       "6.1 clang-14 pm_xdp: 115001 instructions, recorded are 100000 (more than 15 % above): " +
           renewal},
      {"states jump",
       "6.1 clang-14 pm_xdp",
       {100000, 2301, 1151},
       "6.1 clang-14 pm_xdp: 2301 states, recorded are 2000 (more than 15 % above): 1151 states at "
       "one time, recorded are 1000 (more than 15 % above): " +
           renewal},
      {"beyond the bound",
       "6.12 clang-14 pm_xdp",
       {400001, 1, 1},
       "6.12 clang-14 pm_xdp: 400001 instructions, the bound is 400000 (DESIGN, section 7)"},
      {"a kernel nobody recorded", "6.12 clang-14 pm_xdp", {400000, 1, 1}, ""},
      {"not the kernel whose name begins alike", "6 clang-14 pm_xdp", {400000, 1, 1}, ""},
      {"a compiler nobody recorded",
       "6.1 clang-16 pm_xdp",
       {1, 1, 1},
       "6.1 clang-16 pm_xdp: no counts are recorded; " + renewal},
  };
  for (const auto& row : kRows)
    EXPECT_EQ(WhyTooMuch(row.program, row.counts, record), row.why) << row.name;
}

TEST(VerifierRecord, HoldsTheOldestKernelForEveryCompilerAndProgram) {
  std::ifstream file(SourceTree() / "tests/kernels/verifier_counts.txt");
  const std::optional<VerifierRecord> record = ReadVerifierRecord(file);
  ASSERT_TRUE(record);
  for (const char* compiler : {"clang-14", "clang-16", "clang-19"})
    for (const char* program : {"pm_xdp", "pm_tc"})
      EXPECT_TRUE(record->contains(std::string("6.1 ") + compiler + " " + program))
          << compiler << " " << program;
}

}  // namespace
}  // namespace portmatrix
