// SPDX-License-Identifier: Apache-2.0
// Step 5 of judging: answers in both directions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/policy/evaluator.h"
#include "tests/support/edge_node.h"
#include "tests/support/node_builder.h"

namespace portmatrix {
namespace {

using wire::Stack;
using wire::Zeros;

constexpr Direction kIn = Direction::kIn;
constexpr Direction kOut = Direction::kOut;

// Answers of the host: without state, by what an `in` rule would allow.
std::vector<Story> AnswersOut(Family family) {
  const auto row = [family](const std::string& name, const Stack& transport,
                            const std::string& expected) {
    return OnePacket(name, kOut, Out(family, transport), expected);
  };
  return {
      row("AnswerOfAService", TcpOf(443, 49152, wire::kAck), "pass reply web"),
      row("SynAckOfAService", TcpOf(443, 49152, kSynAck), "pass reply web"),
      row("RstOfAService", TcpOf(443, 49152, wire::kRst), "pass reply web"),
      row("SynNeverAnswers", TcpOf(443, 49152, wire::kSyn), "drop default"),
      row("SynWithOtherFlagsNeverAnswers", TcpOf(443, 49152, 0xef), "drop default"),
      row("AnswerFromAnotherPort", TcpOf(444, 49152, wire::kAck), "drop default"),
      row("AnswerWhereTheInRuleDenies", TcpOf(23, 49152, wire::kAck), "drop default"),
      row("DenyForbidsOpening", TcpOf(443, 25, wire::kSyn), "drop rule no-smtp"),
      row("DenyNeverForbidsAnswering", TcpOf(443, 25, wire::kAck), "pass reply web"),
      row("OwnRuleComesBeforeTheOthers", TcpOf(443, 443, wire::kAck), "pass rule https-out"),
      row("UdpHasNoOpening", UdpOf(50000, 9), "pass reply media-in"),
      row("EchoReply", EchoReply(family, 3), "pass reply ping-in"),
      row("OtherIcmpNever", OtherIcmp(family), "drop default"),
      row("OtherProtocolByAddresses", Zeros(8, 47), "pass reply gre-in"),
      row("SctpAnswer", SctpOf(9, 5, kSctpInitAck), "pass reply init-in"),
      row("SctpInitNeverAnswers", SctpOf(9, 5, kSctpInit), "drop default"),
  };
}

// The packets of the other side, in conversations that the host opened.
std::vector<Story> AnswersIn(Family family) {
  const auto out = [family](const Stack& transport, const std::string& expected) {
    return Step{.direction = kOut, .packet = Out(family, transport), .expected = expected};
  };
  const auto in = [family](const Stack& transport, const std::string& expected) {
    return Step{.direction = kIn, .packet = In(family, transport), .expected = expected};
  };
  const Step syn = out(TcpOf(5, 443, wire::kSyn), "pass rule https-out");
  const Step query = out(UdpOf(5, 53), "pass rule dns-out");
  const Step request = out(EchoRequest(family, 3), "pass rule ping-out");
  const Stack other = FrameBetween(AdminAddress(family), HostAddress(family));
  return {
      {"NobodyAsked", {in(TcpOf(443, 5, wire::kAck), "drop default")}},
      {"SynAckAnswersASyn", {syn, in(TcpOf(443, 5, kSynAck), "pass reply https-out")}},
      {"RstAnswersASyn", {syn, in(TcpOf(443, 5, wire::kRst), "pass reply https-out")}},
      {"SynNeverAnswers", {syn, in(TcpOf(443, 5, wire::kSyn), "drop default")}},
      {"AnswerToAnotherPort", {syn, in(TcpOf(443, 6, wire::kAck), "drop default")}},
      {"AnswerFromAnotherPort", {syn, in(TcpOf(442, 5, wire::kAck), "drop default")}},
      {"AnswerByAnotherProtocol", {syn, in(UdpOf(443, 5), "drop default")}},
      {"AnswerFromAnotherAddress",
       {syn, {.packet = other / TcpOf(443, 5, wire::kAck), .expected = "drop default"}}},
      {"AckMakesAConversationToo",
       {out(TcpOf(5, 443, wire::kAck), "pass rule https-out"),
        in(TcpOf(443, 5, wire::kAck), "pass reply https-out")}},
      {"DenyNeverForbidsAnswering",
       {out(TcpOf(23, 443, wire::kSyn), "pass rule https-out"),
        in(TcpOf(443, 23, wire::kAck), "pass reply https-out"),
        in(TcpOf(443, 23, wire::kSyn), "drop rule no-telnet")}},
      {"OwnRuleComesBeforeTheOthers",
       {out(TcpOf(443, 443, wire::kSyn), "pass rule https-out"),
        in(TcpOf(443, 443, wire::kAck), "pass rule web")}},
      {"DroppedPacketOpensNothing",
       {out(TcpOf(5, 25, wire::kSyn), "drop rule no-smtp"),
        in(TcpOf(25, 5, kSynAck), "drop default")}},
      {"UdpAnswer", {query, in(UdpOf(53, 5), "pass reply dns-out")}},
      {"EchoReplyByIdentifier",
       {request, in(EchoReply(family, 3), "pass reply ping-out"),
        in(EchoReply(family, 4), "drop default")}},
      {"OtherIcmpAnswersNothing", {request, in(OtherIcmp(family), "drop default")}},
      {"SctpAnswer",
       {out(SctpOf(5, 7, kSctpInit), "pass rule sctp-out"),
        in(SctpOf(7, 5, kSctpInitAck), "pass reply sctp-out"),
        in(SctpOf(7, 5, kSctpInit), "drop default")}},
      {"OtherProtocolByAddresses",
       {out(Zeros(8, protocol::kEsp), "pass rule esp-out"),
        in(Zeros(8, protocol::kEsp), "pass reply esp-out"),
        in(Zeros(8, protocol::kAuthentication),
           family == Family::kIpv4 ? "drop default" : "drop malformed")}},
  };
}

class AnswerTest : public testing::TestWithParam<Story> {};

TEST_P(AnswerTest, IsJudged) {
  EXPECT_THAT(Tell(EdgeNode(), GetParam().steps), testing::IsEmpty());
}

const auto kName = [](const auto& instance) { return instance.param.name; };
INSTANTIATE_TEST_SUITE_P(Out, AnswerTest, testing::ValuesIn(InBothFamilies(AnswersOut)), kName);
INSTANTIATE_TEST_SUITE_P(In, AnswerTest, testing::ValuesIn(InBothFamilies(AnswersIn)), kName);

}  // namespace
}  // namespace portmatrix
