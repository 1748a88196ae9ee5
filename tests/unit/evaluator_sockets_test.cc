// SPDX-License-Identifier: Apache-2.0
// Established sockets of the host: what a packet that finds no conversation is judged by.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/policy/evaluator.h"
#include "agent/policy/tuple.h"
#include "tests/support/edge_node.h"
#include "tests/support/node_builder.h"

namespace portmatrix {
namespace {

using wire::Stack;

constexpr Direction kIn = Direction::kIn;
constexpr Direction kOut = Direction::kOut;

// What the evaluator asked of the host's sockets, and one that is established.
class SocketTest : public testing::TestWithParam<Family> {
 protected:
  SocketTest() {
    evaluator_.set_socket_lookup([this](const pm_tuple& incoming) {
      asked_.push_back(std::to_string(incoming.source_port) + ">" +
                       std::to_string(incoming.destination_port));
      return incoming.destination_port == 5 && TupleSource(incoming) == PeerAddress(GetParam());
    });
  }
  std::vector<std::string> Judged(Direction direction, const Stack& frame,
                                  const std::string& expected) {
    return Tell(evaluator_, {{.direction = direction, .packet = frame, .expected = expected}});
  }

  const Node node_ = EdgeNode();
  Evaluator evaluator_{node_};
  std::vector<std::string> asked_;
};

TEST_P(SocketTest, EstablishedSocketThatOutRulesAllowPasses) {
  EXPECT_THAT(Judged(kIn, In(GetParam(), TcpOf(443, 5, wire::kAck)), "pass reply https-out"),
              testing::IsEmpty());
  EXPECT_THAT(asked_, testing::ElementsAre("443>5"));
  EXPECT_EQ(evaluator_.conversations(), 0u);
}

TEST_P(SocketTest, SocketThatNoOutRuleAllowsDrops) {
  EXPECT_THAT(Judged(kIn, In(GetParam(), TcpOf(80, 5, wire::kAck)), "drop default"),
              testing::IsEmpty());
  EXPECT_THAT(Judged(kIn, In(GetParam(), TcpOf(25, 5, wire::kAck)), "drop default"),
              testing::IsEmpty());
}

TEST_P(SocketTest, NoSocketDrops) {
  EXPECT_THAT(Judged(kIn, In(GetParam(), TcpOf(443, 6, wire::kAck)), "drop default"),
              testing::IsEmpty());
}

TEST_P(SocketTest, OpeningPacketsDoNotAsk) {
  EXPECT_THAT(Judged(kIn, In(GetParam(), TcpOf(443, 5, wire::kSyn)), "drop default"),
              testing::IsEmpty());
  EXPECT_THAT(asked_, testing::IsEmpty());
}

TEST_P(SocketTest, OtherProtocolsAndSentPacketsDoNotAsk) {
  EXPECT_THAT(Judged(kIn, In(GetParam(), UdpOf(53, 5)), "drop default"), testing::IsEmpty());
  EXPECT_THAT(Judged(kOut, Out(GetParam(), TcpOf(5, 444, wire::kAck)), "drop default"),
              testing::IsEmpty());
  EXPECT_THAT(asked_, testing::IsEmpty());
}

TEST_P(SocketTest, ConversationComesBeforeTheSocket) {
  EXPECT_THAT(Judged(kOut, Out(GetParam(), TcpOf(5, 443, wire::kSyn)), "pass rule https-out"),
              testing::IsEmpty());
  EXPECT_THAT(Judged(kIn, In(GetParam(), TcpOf(443, 5, kSynAck)), "pass reply https-out"),
              testing::IsEmpty());
  EXPECT_THAT(asked_, testing::IsEmpty());
}

TEST_P(SocketTest, ErrorAboutItsPacketPasses) {
  EXPECT_THAT(Judged(kIn, ErrorIn(GetParam(), TcpOf(5, 443, wire::kAck)), "pass reply https-out"),
              testing::IsEmpty());
  EXPECT_THAT(asked_, testing::ElementsAre("443>5"));
}

TEST_P(SocketTest, ErrorAboutAPacketThatNoOutRuleAllowsDrops) {
  EXPECT_THAT(Judged(kIn, ErrorIn(GetParam(), TcpOf(5, 80, wire::kAck)), "drop default"),
              testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Families, SocketTest, testing::Values(Family::kIpv4, Family::kIpv6),
                         [](const auto& instance) {
                           return instance.param == Family::kIpv4 ? "Ipv4" : "Ipv6";
                         });

}  // namespace
}  // namespace portmatrix
