// SPDX-License-Identifier: Apache-2.0
// The difference of two policies as it is read, every word of it. Each case is a file of
// difference/: a line of flags, the old rules, the new ones, what is said; the parts begin with
// lines of dashes.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <ostream>
#include <string>
#include <vector>

#include "tests/support/source_tree.h"
#include "tests/unit/policy_text.h"
#include "tools/difference/difference_json.h"
#include "tools/difference/difference_text.h"
#include "tools/difference/policy_difference.h"

namespace portmatrix {
namespace {

// What the two policies of a case have in common where a part is only rules of the matrix `m`. A
// part that begins with `matrix:` is a whole policy.
constexpr const char* kNode = R"(---
sets:
  partners: [198.51.100.0/24, 2001:db8:f0::/48]
  blocked: [198.51.100.7, 2001:db8:f0::7]
---
node: n
sets: {web: [203.0.113.11, 2001:db8::11], mail: 203.0.113.12}
failsafe: none
interfaces: {outside: {device: eth0, local: [web, mail], matrices: [m]}}
)";

std::string PolicyOf(const std::string& part) {
  if (part.starts_with("matrix:")) return part;
  return "matrix: m\nrules:" + (part.empty() ? " []\n" : "\n" + part) + kNode;
}

struct Case {
  std::string name;
  std::string flags, before, after, said;
};

void PrintTo(const Case& row, std::ostream* out) { *out << row.name; }

Case ReadCase(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  Case row{path.stem().string(), "", "", "", ""};
  const auto take = [&](const std::string& until) {
    const size_t at = text.find(until);
    std::string part = text.substr(0, at);
    text.erase(0, at == std::string::npos ? at : at + until.size());
    return part;
  };
  row.flags = take("-------- old\n");
  row.before = take("-------- new\n");
  row.after = take("-------- said\n");
  row.said = text;
  return row;
}

std::vector<Case> AllCases() {
  std::vector<Case> cases;
  for (const auto& entry :
       std::filesystem::directory_iterator(SourceTree() / "tests/unit/difference"))
    cases.push_back(ReadCase(entry.path()));
  std::ranges::sort(cases, {}, &Case::name);
  return cases;
}

PolicyDifference Compare(const ReadText& before, const ReadText& after, const std::string& flags) {
  constexpr size_t kLittle = 6000;  // steps, which a part of such a case needs
  const bool little = flags.find("little") != std::string::npos;
  return ComparePolicies({before.nodes.data(), &before.policy, &before.sources},
                         {after.nodes.data(), &after.policy, &after.sources},
                         {.by_rule = flags.find("by-rule") != std::string::npos,
                          .all_answers = flags.find("answers") != std::string::npos},
                         WorkBudget(little ? kLittle : kDifferenceSteps));
}

class DifferenceCase : public testing::TestWithParam<Case> {};

TEST_P(DifferenceCase, IsSaid) {
  const Case& row = GetParam();
  const ReadText before(PolicyOf(row.before));
  const ReadText after(PolicyOf(row.after));
  ASSERT_EQ(before.nodes.size(), 1u) << before.said();
  ASSERT_EQ(after.nodes.size(), 1u) << after.said();
  const PolicyDifference difference = Compare(before, after, row.flags);
  const size_t limit = row.flags.find("limit") != std::string::npos ? 1 : 0;
  const std::string said = row.flags.find("json") != std::string::npos
                               ? JsonOf(difference, limit).dump(1) + "\n"
                               : TextOf(difference, limit);
  EXPECT_EQ(said, row.said);
}

INSTANTIATE_TEST_SUITE_P(Files, DifferenceCase, testing::ValuesIn(AllCases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace portmatrix
