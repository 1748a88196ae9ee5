// SPDX-License-Identifier: Apache-2.0
// What makes a conversation and what never does, and whose it is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/policy/evaluator.h"
#include "agent/policy/tuple.h"
#include "tests/support/edge_node.h"
#include "tests/support/node_builder.h"

namespace portmatrix {
namespace {

using wire::Stack;
using wire::Zeros;

constexpr Direction kIn = Direction::kIn;
constexpr Direction kOut = Direction::kOut;

// A node whose `out` rules allow everything, and an `out` packet that passes and yet makes no
// conversation.
std::vector<Story> StatelessPackets(Family family) {
  const auto row = [family](const std::string& name, const Stack& transport,
                            const std::string& expected) {
    return OnePacket(name, kOut, Out(family, transport), expected);
  };
  Stack later = wire::Ethernet{};
  if (family == Family::kIpv4) {
    later.Add(wire::Ipv4{.source = HostAddress(family), .fragment_offset = 8});
  } else {
    later.Add(wire::Ipv6{.source = HostAddress(family)} / wire::FragmentHeader{.offset = 8});
  }
  const Stack solicitation =
      wire::Ethernet{} /
      wire::Ipv6{.source = "fe80::1", .destination = "ff02::1", .hop_limit = 255} /
      wire::Icmpv6{.type = 135};
  return {
      row("SynAck", TcpOf(5, 80, kSynAck), "pass rule all-out"),
      row("SynAckWithOtherFlags", TcpOf(5, 80, kSynAck | wire::kFin), "pass rule all-out"),
      row("Rst", TcpOf(5, 80, wire::kRst), "pass rule all-out"),
      row("RstAck", TcpOf(5, 80, wire::kRst | wire::kAck), "pass rule all-out"),
      row("SynRst", TcpOf(5, 80, wire::kSyn | wire::kRst), "pass rule all-out"),
      row("EchoReply", EchoReply(family, 3), "pass rule all-out"),
      row("OtherIcmp", OtherIcmp(family), "pass rule all-out"),
      row("IcmpError", Unreachable(family) / Zeros(60), "pass rule all-out"),
      row("AnswerThatAnInRuleAllows", UdpOf(50000, 9), "pass rule all-out"),
      row("OpeningWhoseAnswersAnInRuleAllows", TcpOf(443, 80, wire::kSyn), "pass rule all-out"),
      OnePacket("OpeningWhoseAnswersAreFailsafe", kOut,
                FrameBetween(HostAddress(family), AdminAddress(family)) / TcpOf(22, 80, wire::kSyn),
                "pass rule all-out"),
      OnePacket("FailsafeAnswer", kOut,
                FrameBetween(HostAddress(family), AdminAddress(family)) / TcpOf(22, 80, wire::kAck),
                "pass failsafe"),
      OnePacket("LaterFragment", kOut, later / Zeros(8, 17), "drop fragment"),
      OnePacket("Neighbour", kOut, solicitation, "pass neighbour"),
      OnePacket("ReceivedPacket", kIn, In(family, TcpOf(5, 443, wire::kSyn)), "pass rule web"),
  };
}

Node NodeThatSendsAnything() {
  Node node = EdgeNode();
  auto& rules = node.interfaces[0].rules;
  rules.insert(rules.begin(), MakeRule("external", {.id = "all-out", .direction = kOut}));
  return node;
}

class StatelessTest : public testing::TestWithParam<Story> {};

TEST_P(StatelessTest, MakesNoConversation) {
  const Node node = NodeThatSendsAnything();
  Evaluator evaluator(node);
  EXPECT_THAT(Tell(evaluator, GetParam().steps), testing::IsEmpty());
  EXPECT_EQ(evaluator.conversations(), 0u);
}

const auto kName = [](const auto& instance) { return instance.param.name; };
INSTANTIATE_TEST_SUITE_P(Rows, StatelessTest, testing::ValuesIn(InBothFamilies(StatelessPackets)),
                         kName);

TEST(Stateless, AuditedAndDefaultPassedPacketsMakeNoConversation) {
  const Step packet = {.direction = kOut, .packet = Out(Family::kIpv4, UdpOf(5, 80))};
  for (const bool audit : {true, false}) {
    Node node = EdgeNode();
    node.interfaces[0].mode = audit ? Mode::kAudit : Mode::kEnforce;
    node.interfaces[0].default_verdict = audit ? Verdict::kDrop : Verdict::kPass;
    Evaluator evaluator(node);
    Step step = packet;
    step.expected = audit ? "pass default audited" : "pass default";
    EXPECT_THAT(Tell(evaluator, {step}), testing::IsEmpty());
    EXPECT_EQ(evaluator.conversations(), 0u);
  }
}

// Whoever asks a service of the host from a port that `out` rules name would else make it create
// conversations by answering.
TEST(Stateless, AnswersThatTheDefaultAdmitsNeedNoConversation) {
  Node node = EdgeNode();
  node.interfaces[0].default_verdict = Verdict::kPass;
  Evaluator evaluator(node);
  EXPECT_THAT(
      Tell(evaluator, {{.packet = In(Family::kIpv4, UdpOf(53, 9)), .expected = "pass default"},
                       {.direction = kOut,
                        .packet = Out(Family::kIpv4, UdpOf(9, 53)),
                        .expected = "pass rule dns-out"}}),
      testing::IsEmpty());
  EXPECT_EQ(evaluator.conversations(), 0u);
}

TEST(Conversation, IsMadeWhereADenyWouldStopTheAnswersThatTheDefaultAdmits) {
  Node node = EdgeNode();
  node.interfaces[0].default_verdict = Verdict::kPass;
  node.interfaces[0].rules.push_back(MakeRule(
      "external", {.id = "no-udp-in", .match = {.protocols = {17}}, .action = Action::kDeny}));
  EXPECT_THAT(
      Tell(node, {{.direction = kOut,
                   .packet = Out(Family::kIpv4, UdpOf(5, 53)),
                   .expected = "pass rule dns-out"},
                  {.packet = In(Family::kIpv4, UdpOf(53, 5)), .expected = "pass reply dns-out"}}),
      testing::IsEmpty());
}

TEST(Conversation, BelongsToItsPolicyInterface) {
  Node node = EdgeNode();
  node.interfaces[0].devices.emplace_back("eth1");  // a bond
  Interface other = node.interfaces[0];
  other.name = "other";
  other.devices = {"eth2"};
  node.interfaces.push_back(other);
  const Stack query = Out(Family::kIpv4, UdpOf(5, 53));
  const Stack answer = In(Family::kIpv4, UdpOf(53, 5));
  EXPECT_THAT(Tell(node, {{.direction = kOut, .packet = query, .expected = "pass rule dns-out"},
                          {.packet = answer, .expected = "drop default", .device = "eth2"},
                          {.packet = answer, .expected = "pass reply dns-out", .device = "eth1"}}),
              testing::IsEmpty());
}

TEST(Conversation, IsFoundByItsOpeningTuple) {
  const Node node = EdgeNode();
  Evaluator evaluator(node);
  const wire::Bytes query = Out(Family::kIpv6, UdpOf(5, 53));
  evaluator.Judge({.device = "eth0", .direction = kOut, .data = query, .time = PM_SECOND});
  pm_tuple tuple = MakeTuple(HostAddress(Family::kIpv6), PeerAddress(Family::kIpv6), 17);
  tuple.source_port = 5;
  tuple.destination_port = 53;
  tuple.interface = evaluator.OwnerOf("external").value();
  EXPECT_EQ(evaluator.conversations(), 1u);
  EXPECT_TRUE(evaluator.HasConversation(tuple, PM_SECOND));
  EXPECT_TRUE(evaluator.HasConversation(tuple, 31 * PM_SECOND - 1));
  EXPECT_FALSE(evaluator.HasConversation(tuple, 31 * PM_SECOND));
  EXPECT_FALSE(evaluator.HasConversation(*Reversed(tuple), PM_SECOND));
  EXPECT_EQ(evaluator.OwnerOf("internal"), std::nullopt);
}

}  // namespace
}  // namespace portmatrix
