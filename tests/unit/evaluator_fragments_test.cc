// SPDX-License-Identifier: Apache-2.0
// Fragments of both families: later ones take what was decided on their first, and nothing else
// lets them pass.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/policy/evaluator.h"
#include "tests/support/edge_node.h"
#include "tests/support/node_builder.h"

namespace portmatrix {
namespace {

using wire::Cut;
using wire::Stack;
using wire::Zeros;

constexpr Direction kIn = Direction::kIn;
constexpr Direction kOut = Direction::kOut;
constexpr uint32_t kIdentification = 77;

struct Part {
  uint16_t offset = 0;
  bool more = false;
  uint32_t identification = kIdentification;
};

Stack FragmentBetween(const wire::Ip& source, const wire::Ip& destination, const Part& part,
                      const Stack& content) {
  if (source.family == Family::kIpv4) {
    return wire::Ethernet{} /
           wire::Ipv4{.source = source,
                      .destination = destination,
                      .identification = static_cast<uint16_t>(part.identification),
                      .more_fragments = part.more,
                      .fragment_offset = part.offset} /
           content;
  }
  return wire::Ethernet{} / wire::Ipv6{.source = source, .destination = destination} /
         wire::FragmentHeader{
             .identification = part.identification, .offset = part.offset, .more = part.more} /
         content;
}

// Fragments from peer to host (or back) in one family.
struct Sender {
  Family family;

  Stack Packet(Direction direction, const Part& part, const Stack& content) const {
    const wire::Ip peer = PeerAddress(family);
    const wire::Ip host = HostAddress(family);
    return direction == kIn ? FragmentBetween(peer, host, part, content)
                            : FragmentBetween(host, peer, part, content);
  }
  Step First(Direction direction, const Stack& transport, const std::string& expected) const {
    // TCP's twenty bytes and four more are a multiple of eight, and so are UDP's with sixteen.
    const Stack padded = transport / Zeros(transport.Build().size() % 8 == 0 ? 16 : 4);
    return {.direction = direction,
            .packet = Packet(direction, {.more = true}, padded),
            .expected = expected};
  }
  Step Later(uint64_t milliseconds, Direction direction, uint8_t protocol, uint16_t offset,
             const std::string& expected) const {
    return {.milliseconds = milliseconds,
            .direction = direction,
            .packet = Packet(direction, {.offset = offset}, Zeros(8, protocol)),
            .expected = expected};
  }
};

constexpr uint8_t kTcp = protocol::kTcp;
constexpr uint8_t kUdp = protocol::kUdp;

std::vector<Story> TakenFromTheFirst(Family family) {
  const Sender sender = {family};
  const auto row = [&](const std::string& name, Direction direction, const Stack& transport,
                       uint8_t number, const std::string& expected) {
    return Story{name,
                 {sender.First(direction, transport, expected),
                  sender.Later(1, direction, number, 24, expected),
                  sender.Later(2, direction, number, 1480, expected)}};
  };
  const Stack syn = TcpOf(5, 443, wire::kSyn);
  return {
      row("AllowedRule", kIn, syn, kTcp, "pass rule web"),
      row("AllowedOutRule", kOut, syn, kTcp, "pass rule https-out"),
      row("DenyRule", kIn, TcpOf(5, 23, wire::kSyn), kTcp, "drop rule no-telnet"),
      row("Default", kIn, TcpOf(5, 24, wire::kSyn), kTcp, "drop default"),
      row("Answer", kOut, TcpOf(443, 5, wire::kAck), kTcp, "pass reply web"),
      row("Datagram", kIn, UdpOf(5, 50000), kUdp, "pass rule media-in"),
      row("Echo", kIn, EchoRequest(family, 1), family == Family::kIpv4 ? 1 : 58,
          "pass rule ping-in"),
      row("OtherProtocol", kIn, Zeros(8, 47), 47, "pass rule gre-in"),
      {"AnswerInAConversation",
       {{.direction = kOut, .packet = Out(family, UdpOf(5, 53)), .expected = "pass rule dns-out"},
        sender.First(kIn, UdpOf(53, 5), "pass reply dns-out"),
        sender.Later(1, kIn, kUdp, 24, "pass reply dns-out")}},
      {"Spoofed",
       {{.packet = FragmentBetween(HostAddress(family), HostAddress(family), {.more = true},
                                   UdpOf(5, 53)),
         .expected = "drop spoofed"},
        {.packet = FragmentBetween(HostAddress(family), HostAddress(family), {.offset = 8},
                                   Zeros(8, kUdp)),
         .expected = "drop spoofed"}}},
      {"Failsafe",
       {{.packet = FragmentBetween(AdminAddress(family), HostAddress(family), {.more = true},
                                   TcpOf(5, 22, wire::kSyn) / Zeros(4)),
         .expected = "pass failsafe"},
        {.packet = FragmentBetween(AdminAddress(family), HostAddress(family), {.offset = 24},
                                   Zeros(8, kTcp)),
         .expected = "pass failsafe"}}},
      {"FailsafeAnswer",
       {{.direction = kOut,
         .packet = FragmentBetween(HostAddress(family), AdminAddress(family), {.more = true},
                                   TcpOf(22, 5, wire::kAck) / Zeros(4)),
         .expected = "pass failsafe"},
        {.direction = kOut,
         .packet = FragmentBetween(HostAddress(family), AdminAddress(family), {.offset = 24},
                                   Zeros(8, kTcp)),
         .expected = "pass failsafe"}}},
  };
}

std::vector<Story> Unknown(Family family) {
  const Sender sender = {family};
  const Step first = sender.First(kIn, TcpOf(5, 443, wire::kSyn), "pass rule web");
  const auto row = [&](const std::string& name, const Stack& later) {
    return Story{name, {first, {.packet = later, .expected = "drop fragment"}}};
  };
  const Stack rest = Zeros(8, kTcp);
  const wire::Ip peer = PeerAddress(family);
  const wire::Ip host = HostAddress(family);
  std::vector<Story> stories = {
      {"NoFirst", {sender.Later(0, kIn, kTcp, 24, "drop fragment")}},
      {"BeforeItsFirst",
       {sender.Later(0, kIn, kTcp, 24, "drop fragment"), first,
        sender.Later(1, kIn, kTcp, 24, "pass rule web")}},
      row("OtherIdentification",
          FragmentBetween(peer, host, {.offset = 24, .identification = 78}, rest)),
      row("OtherSource", FragmentBetween(AdminAddress(family), host, {.offset = 24}, rest)),
      row("OtherDestination", FragmentBetween(peer, RouterAddress(family), {.offset = 24}, rest)),
      row("SourceAndDestinationSwapped", FragmentBetween(host, peer, {.offset = 24}, rest)),
      {"OtherDirection",
       {first,
        {.direction = kOut,
         .packet = sender.Packet(kIn, {.offset = 24}, rest),
         .expected = "drop fragment"}}},
      {"AfterThirtySeconds",
       {first, sender.Later(Seconds(30) - 1, kIn, kTcp, 24, "pass rule web"),
        sender.Later(Seconds(30), kIn, kTcp, 24, "drop fragment")}},
      {"AtomicIsNoFirst",
       {{.packet = sender.Packet(kIn, {}, TcpOf(5, 443, wire::kSyn)), .expected = "pass rule web"},
        sender.Later(1, kIn, kTcp, 24, "drop fragment")}},
      {"MalformedIsNoFirst",
       {{.packet = sender.Packet(kIn, {.more = true}, Cut{16} / TcpOf(5, 443, wire::kSyn)),
         .expected = "drop malformed"},
        sender.Later(1, kIn, kTcp, 24, "drop fragment")}},
  };
  if (family == Family::kIpv4) {
    stories.push_back({"OtherProtocol", {first, sender.Later(1, kIn, kUdp, 24, "drop fragment")}});
  } else {
    // What a later fragment's header names is the first header of the whole, not its protocol.
    stories.push_back(
        {"NextHeaderDoesNotMatter", {first, sender.Later(1, kIn, kUdp, 24, "pass rule web")}});
    stories.push_back(
        row("WideIdentification",
            FragmentBetween(peer, host, {.offset = 24, .identification = kIdentification + 0x10000},
                            rest)));
  }
  return stories;
}

std::vector<Story> Overlaps(Family family) {
  const Sender sender = {family};
  const Step tcp = sender.First(kIn, TcpOf(5, 443, wire::kSyn), "pass rule web");
  const Step udp = sender.First(kIn, UdpOf(5, 50000), "pass rule media-in");
  const Step gre = sender.First(kIn, Zeros(8, 47), "pass rule gre-in");
  const Stack with_options =
      wire::Tcp{.destination_port = 443, .flags = wire::kSyn, .options = wire::Bytes(12, 1)};
  const Step long_tcp = sender.First(kIn, with_options, "pass rule web");
  std::vector<Story> stories = {
      {"LaterInsideTheTcpHeader",
       {tcp, sender.Later(1, kIn, kTcp, 8, "drop malformed"),
        sender.Later(2, kIn, kTcp, 16, "drop malformed")}},
      {"LaterBehindTheTcpHeader", {tcp, sender.Later(1, kIn, kTcp, 24, "pass rule web")}},
      {"LaterInsideTcpOptions", {long_tcp, sender.Later(1, kIn, kTcp, 24, "drop malformed")}},
      {"LaterBehindTcpOptions", {long_tcp, sender.Later(1, kIn, kTcp, 32, "pass rule web")}},
      {"LaterBehindTheUdpHeader", {udp, sender.Later(1, kIn, kUdp, 8, "pass rule media-in")}},
      {"LaterOfAProtocolWithoutHeader", {gre, sender.Later(1, kIn, 47, 8, "pass rule gre-in")}},
      {"OverlapDoesNotEndThePacket",
       {tcp, sender.Later(1, kIn, kTcp, 8, "drop malformed"),
        sender.Later(2, kIn, kTcp, 24, "pass rule web")}},
      {"LatestFirstDecides",
       {tcp, sender.First(kIn, TcpOf(5, 23, wire::kSyn), "drop rule no-telnet"),
        sender.Later(1, kIn, kTcp, 24, "drop rule no-telnet"), tcp,
        sender.Later(1, kIn, kTcp, 24, "pass rule web")}},
      {"MalformedFirstReplacesNothing",
       {tcp,
        {.packet = sender.Packet(kIn, {.more = true}, Cut{8} / TcpOf(5, 23, wire::kSyn)),
         .expected = "drop malformed"},
        sender.Later(1, kIn, kTcp, 24, "pass rule web")}},
  };
  stories[7].steps[3].milliseconds = 1;
  if (family == Family::kIpv6) {
    const Stack behind_options = wire::Extension{} / TcpOf(5, 443, wire::kSyn);
    const Step first = sender.First(kIn, behind_options, "pass rule web");
    stories.push_back({"LaterInsideAHeaderBehindExtensions",
                       {first, sender.Later(1, kIn, kTcp, 24, "drop malformed")}});
    stories.push_back({"LaterBehindAHeaderBehindExtensions",
                       {first, sender.Later(1, kIn, kTcp, 32, "pass rule web")}});
  }
  return stories;
}

class FragmentTest : public testing::TestWithParam<Story> {};

TEST_P(FragmentTest, IsJudged) {
  EXPECT_THAT(Tell(EdgeNode(), GetParam().steps), testing::IsEmpty());
}

const auto kName = [](const auto& instance) { return instance.param.name; };
INSTANTIATE_TEST_SUITE_P(Taken, FragmentTest, testing::ValuesIn(InBothFamilies(TakenFromTheFirst)),
                         kName);
INSTANTIATE_TEST_SUITE_P(Unknown, FragmentTest, testing::ValuesIn(InBothFamilies(Unknown)), kName);
INSTANTIATE_TEST_SUITE_P(Overlap, FragmentTest, testing::ValuesIn(InBothFamilies(Overlaps)), kName);

TEST(Fragment, UnknownFirstDropsAlsoWhereTheDefaultIsPass) {
  Node node = EdgeNode();
  node.interfaces[0].default_verdict = Verdict::kPass;
  const Sender sender = {Family::kIpv4};
  EXPECT_THAT(Tell(node, {sender.Later(0, kIn, kUdp, 8, "drop fragment"),
                          sender.First(kIn, UdpOf(1, 2), "pass default"),
                          sender.Later(1, kIn, kUdp, 8, "pass default")}),
              testing::IsEmpty());
}

TEST(Fragment, AuditIsOfEachFragment) {
  Node node = EdgeNode();
  node.interfaces[0].mode = Mode::kAudit;
  const Sender sender = {Family::kIpv6};
  EXPECT_THAT(Tell(node, {sender.First(kIn, TcpOf(5, 1, wire::kSyn), "pass default audited"),
                          sender.Later(1, kIn, kTcp, 24, "pass default audited"),
                          sender.Later(2, kIn, kTcp, 8, "pass malformed audited")}),
              testing::IsEmpty());
}

TEST(Fragment, BelongsToItsPolicyInterface) {
  Node node = EdgeNode();
  Interface other = node.interfaces[0];
  other.name = "other";
  other.devices = {"eth1"};
  node.interfaces.push_back(other);
  const Sender sender = {Family::kIpv4};
  Step elsewhere = sender.Later(1, kIn, kTcp, 24, "drop fragment");
  elsewhere.device = "eth1";
  EXPECT_THAT(Tell(node, {sender.First(kIn, TcpOf(5, 443, wire::kSyn), "pass rule web"), elsewhere,
                          sender.Later(2, kIn, kTcp, 24, "pass rule web")}),
              testing::IsEmpty());
}

TEST(Fragment, OnlyTheFirstMakesAConversation) {
  const Node node = EdgeNode();
  Evaluator evaluator(node);
  const Sender sender = {Family::kIpv4};
  EXPECT_THAT(Tell(evaluator, {sender.First(kOut, UdpOf(5, 53), "pass rule dns-out"),
                               sender.Later(Seconds(20), kOut, kUdp, 24, "pass rule dns-out"),
                               {.milliseconds = Seconds(30),
                                .packet = In(Family::kIpv4, UdpOf(53, 5)),
                                .expected = "drop default"}}),
              testing::IsEmpty());
  EXPECT_EQ(evaluator.conversations(), 1u);
}

}  // namespace
}  // namespace portmatrix
