// SPDX-License-Identifier: Apache-2.0
// How long a conversation lives, by protocol and TCP state.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/policy/evaluator.h"
#include "tests/support/edge_node.h"
#include "tests/support/timeout_stories.h"

namespace portmatrix {
namespace {

class TimeoutTest : public testing::TestWithParam<Story> {};

TEST_P(TimeoutTest, IsJudged) {
  EXPECT_THAT(Tell(EdgeNode(), GetParam().steps), testing::IsEmpty());
}

const auto kName = [](const auto& instance) { return instance.param.name; };
INSTANTIATE_TEST_SUITE_P(Tcp, TimeoutTest, testing::ValuesIn(TcpTimeoutStories()), kName);
INSTANTIATE_TEST_SUITE_P(Others, TimeoutTest, testing::ValuesIn(OtherTimeoutStories()), kName);

}  // namespace
}  // namespace portmatrix
