// SPDX-License-Identifier: Apache-2.0
// The shipped examples: clean, and each rule of theirs named by an expectation that holds.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>

#include "agent/policy/expect.h"
#include "agent/policy/lint.h"
#include "tests/unit/shipped_policies.h"

namespace portmatrix {
namespace {

class Example : public testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(Shipped, Example, testing::Values("web-server", "gateway", "branch-vlan", ""),
                         [](const auto& info) {
                           std::string name = *info.param ? info.param : "all_together";
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST_P(Example, IsCleanAndHoldsItsExpectations) {
  Reading reading({PolicyPath("examples") / GetParam()});
  ASSERT_FALSE(reading.policy.nodes.empty());
  LintPolicy(reading.policy, reading.diagnostics);
  for (const WrittenNode& written : reading.policy.nodes) {
    const std::optional<Node> node = reading.Resolve(written.name);
    ASSERT_TRUE(node) << reading.Complaints();
    LintNode(*node, reading.diagnostics);
    EXPECT_EQ(RunExpectations(reading.policy, *node, reading.diagnostics),
              written.expectations.size());
    EXPECT_FALSE(node->failsafe.empty()) << written.name;
    for (const Interface& interface : node->interfaces) {
      for (const Rule& rule : interface.rules) {
        const auto named = [&](const Expectation& e) { return e.rule == rule.key; };
        EXPECT_EQ(std::ranges::any_of(node->expectations, named), rule.state == RuleState::kActive)
            << rule.key;
      }
    }
  }
  EXPECT_EQ(reading.Complaints(), "");
}

}  // namespace
}  // namespace portmatrix
