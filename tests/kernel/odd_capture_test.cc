// SPDX-License-Identifier: Apache-2.0
// A capture of odd packets through `portmatrix replay`: each must get its line, with verdict,
// reason, rule, and the file and line of the rule.
#include "tests/kernel/odd_capture.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <sstream>

#include "tests/kernel/command_line.h"
#include "tests/kernel/privilege.h"
#include "tests/support/capture_file.h"

namespace portmatrix {
namespace {

// Of the rule `interface/matrix/id`, counted in the text itself.
size_t LineOf(const std::string& rule) {
  const size_t slash = rule.rfind('/');
  const std::string before = rule.substr(0, slash);
  const std::string policy = kOddCapturePolicy;
  const size_t matrix = policy.find("matrix: " + before.substr(before.find('/') + 1) + "\n");
  const size_t at = policy.find("{id: " + rule.substr(slash + 1) + ",", matrix);
  EXPECT_NE(at, std::string::npos) << rule;
  return static_cast<size_t>(
             std::count(policy.begin(), policy.begin() + static_cast<ptrdiff_t>(at), '\n')) +
         1;
}

std::string LineFor(size_t number, const CapturedRow& row, const std::string& file) {
  std::istringstream words(row.expected);
  std::string direction, verdict, reason, rule;
  words >> direction >> verdict >> reason >> rule;
  return fmt::format(
      R"({{"packet":{},"direction":"{}","verdict":"{}","reason":"{}","rule":{},"file":{},"line":{}}})",
      number, direction, verdict, reason, rule.empty() ? "null" : fmt::format("\"{}\"", rule),
      rule.empty() ? "null" : fmt::format("\"{}\"", file),
      rule.empty() ? "null" : std::to_string(LineOf(rule)));
}

using WriteFile = wire::Bytes (*)(const std::vector<CaptureRecord>&, uint32_t);

void ExpectEveryLine(WriteFile write) {
  const std::vector<CapturedRow> rows = OddCapture();
  std::vector<CaptureRecord> records;
  for (const CapturedRow& row : rows)
    records.push_back({1'700'000'000'000'000'000 + 1000 * records.size(), row.bytes, {}});
  const Folder folder;
  const std::string policy = folder.Write("policy.yaml", std::string(kOddCapturePolicy));
  const std::string capture = folder.Write("capture", write(records, kLinkEthernet));
  const Ran ran = RunCommand("replay " + capture + " --policy " + policy +
                             " --interface external --json --written_at");
  EXPECT_EQ(ran.code, 0) << ran.errors;
  const std::vector<std::string> lines = LinesOf(ran.output);
  ASSERT_EQ(lines.size(), rows.size()) << ran.errors;
  for (size_t i = 0; i < rows.size(); ++i)
    EXPECT_EQ(lines[i], LineFor(i + 1, rows[i], policy)) << rows[i].name;
  EXPECT_THAT(ran.errors, testing::HasSubstr("1 packet that the kernel does not test-run"));
}

TEST(OddCapture, OfPcapEveryPacketGetsItsLine) {
  NEEDS_KERNEL();
  ExpectEveryLine(PcapFile);
}

TEST(OddCapture, OfPcapngEveryPacketGetsItsLine) {
  NEEDS_KERNEL();
  ExpectEveryLine(PcapngFile);
}

}  // namespace
}  // namespace portmatrix
