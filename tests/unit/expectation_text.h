// SPDX-License-Identifier: Apache-2.0
// Policies written in a test with one expectation, which is run.
#ifndef PORTMATRIX_TESTS_UNIT_EXPECTATION_TEXT_H_
#define PORTMATRIX_TESTS_UNIT_EXPECTATION_TEXT_H_

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "agent/policy/expect.h"
#include "tests/unit/policy_text.h"

namespace portmatrix {

// Empty if the one expectation of the policy's first node holds.
inline std::string SaidOfExpectation(std::string policy) {
  ReadText read(std::move(policy));
  EXPECT_EQ(read.said(), "");
  const size_t holding = RunExpectations(read.policy, read.nodes.at(0), read.diagnostics);
  EXPECT_EQ(holding, read.diagnostics.has_errors() ? 0u : 1u);
  return read.said();
}

}  // namespace portmatrix

#endif  // PORTMATRIX_TESTS_UNIT_EXPECTATION_TEXT_H_
