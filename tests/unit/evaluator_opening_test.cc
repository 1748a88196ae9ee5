// SPDX-License-Identifier: Apache-2.0
// JudgeOpening: what expectations ask, with nothing known before the packet.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/policy/evaluator.h"
#include "agent/policy/frame.h"
#include "agent/policy/packet.h"
#include "tests/support/edge_node.h"
#include "tests/support/judgement_text.h"
#include "tests/support/node_builder.h"

namespace portmatrix {
namespace {

using wire::Stack;
using wire::Zeros;

constexpr Direction kIn = Direction::kIn;
constexpr Direction kOut = Direction::kOut;

pm_packet PacketOf(const Stack& frame) {
  const wire::Bytes bytes = frame;
  const LinkHeader link = DecodeLink(bytes).value();
  const Family family = link.ethertype == ethertype::kIpv4 ? Family::kIpv4 : Family::kIpv6;
  return DecodePacket(family, link.payload).value();
}

std::string JudgedOpening(const Node& node, Direction direction, const Stack& frame) {
  Evaluator evaluator(node);
  evaluator.set_socket_lookup([](const pm_tuple&) { return true; });
  return Describe(evaluator.JudgeOpening(0, direction, PacketOf(frame)));
}

std::vector<Story> Openings(Family family) {
  const auto in = [family](const std::string& name, const Stack& transport,
                           const std::string& expected) {
    return OnePacket(name, kIn, In(family, transport), expected);
  };
  const auto out = [family](const std::string& name, const Stack& transport,
                            const std::string& expected) {
    return OnePacket(name, kOut, Out(family, transport), expected);
  };
  const wire::Ip host = HostAddress(family);
  const wire::Ip admin = AdminAddress(family);
  return {
      in("AllowedIn", TcpOf(49152, 443, wire::kSyn), "pass rule web"),
      in("DeniedIn", TcpOf(49152, 23, wire::kSyn), "drop rule no-telnet"),
      in("DefaultIn", TcpOf(49152, 24, wire::kSyn), "drop default"),
      out("AllowedOut", TcpOf(49152, 443, wire::kSyn), "pass rule https-out"),
      out("DeniedOut", TcpOf(49152, 25, wire::kSyn), "drop rule no-smtp"),
      out("AnswersOfServicesDoNotCount", UdpOf(50000, 49152), "drop default"),
      out("AnswersByFlagsDoNotCount", TcpOf(443, 49152, wire::kAck), "drop default"),
      out("EchoReplyDoesNotCount", EchoReply(family, 1), "drop default"),
      in("SocketsDoNotCount", TcpOf(443, 49152, wire::kAck), "drop default"),
      OnePacket("Failsafe", kIn, FrameBetween(admin, host) / TcpOf(5, 22, wire::kSyn),
                "pass failsafe"),
      OnePacket("FailsafeAnswersDoNotCount", kOut,
                FrameBetween(host, admin) / TcpOf(22, 5, wire::kAck), "drop default"),
      OnePacket("RulesJudgeWhatWouldBeAFailsafeAnswer", kOut,
                FrameBetween(host, admin) / TcpOf(22, 443, wire::kAck), "pass rule https-out"),
      OnePacket("ErrorsAboutAnswersDoNotCount", kIn, ErrorIn(family, TcpOf(443, 5, wire::kAck)),
                "drop default"),
      OnePacket("ErrorsAboutServicesDoNotCount", kOut, ErrorOut(family, TcpOf(5, 443, wire::kSyn)),
                "drop default"),
      OnePacket("Spoofed", kIn, FrameBetween(host, host) / TcpOf(5, 443, wire::kSyn),
                "drop spoofed"),
  };
}

class OpeningTest : public testing::TestWithParam<Story> {};

TEST_P(OpeningTest, IsJudged) {
  const Step& step = GetParam().steps.at(0);
  EXPECT_EQ(JudgedOpening(EdgeNode(), step.direction, step.packet), step.expected);
}

INSTANTIATE_TEST_SUITE_P(Rows, OpeningTest, testing::ValuesIn(InBothFamilies(Openings)),
                         [](const auto& instance) { return instance.param.name; });

TEST(Opening, NeighbourAndDhcpPass) {
  Node node = EdgeNode();
  node.interfaces[0].dhcp_client = true;
  const Stack solicitation =
      wire::Ethernet{} /
      wire::Ipv6{.source = "fe80::1", .destination = "ff02::1", .hop_limit = 255} /
      wire::Icmpv6{.type = 135};
  EXPECT_EQ(JudgedOpening(node, kIn, solicitation), "pass neighbour");
  EXPECT_EQ(JudgedOpening(node, kIn, In(Family::kIpv4, UdpOf(67, 68))), "pass dhcp");
}

TEST(Opening, DefaultAndModeApply) {
  Node node = EdgeNode();
  const Stack packet = In(Family::kIpv4, UdpOf(5, 6));
  node.interfaces[0].default_verdict = Verdict::kPass;
  EXPECT_EQ(JudgedOpening(node, kIn, packet), "pass default");
  node.interfaces[0].default_verdict = Verdict::kDrop;
  node.interfaces[0].mode = Mode::kAudit;
  EXPECT_EQ(JudgedOpening(node, kIn, packet), "pass default audited");
}

TEST(Opening, LaterFragmentHasNoFirst) {
  const Stack later =
      wire::Ethernet{} / wire::Ipv4{.source = "198.51.100.7", .fragment_offset = 8} / Zeros(8, 17);
  EXPECT_EQ(JudgedOpening(EdgeNode(), kIn, later), "drop fragment");
}

TEST(Opening, LeavesAndKnowsNothing) {
  const Node node = EdgeNode();
  Evaluator evaluator(node);
  evaluator.JudgeOpening(0, kOut, PacketOf(Out(Family::kIpv4, UdpOf(5, 53))));
  EXPECT_EQ(evaluator.conversations(), 0u);
  EXPECT_THAT(Tell(evaluator, {{.direction = kOut,
                                .packet = Out(Family::kIpv4, UdpOf(5, 53)),
                                .expected = "pass rule dns-out"}}),
              testing::IsEmpty());
  EXPECT_EQ(Describe(evaluator.JudgeOpening(0, kIn, PacketOf(In(Family::kIpv4, UdpOf(53, 5))))),
            "drop default");
}

}  // namespace
}  // namespace portmatrix
