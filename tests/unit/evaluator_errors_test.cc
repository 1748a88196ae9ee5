// SPDX-License-Identifier: Apache-2.0
// Step 6 of judging: ICMP errors, known, unknown and forged, in both directions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/policy/evaluator.h"
#include "tests/support/edge_node.h"

namespace portmatrix {
namespace {

using wire::Cut;
using wire::Stack;
using wire::Zeros;

constexpr Direction kIn = Direction::kIn;
constexpr Direction kOut = Direction::kOut;

// A router's error to the host.
std::vector<Story> ErrorsIn(Family family) {
  const auto open = [family](const Stack& transport, const std::string& rule) {
    return Step{
        .direction = kOut, .packet = Out(family, transport), .expected = "pass rule " + rule};
  };
  const auto error = [family](const Stack& transport, const std::string& expected) {
    return Step{.direction = kIn, .packet = ErrorIn(family, transport), .expected = expected};
  };
  const auto row = [&](const std::string& name, const Stack& transport,
                       const std::string& expected) {
    return Story{name, {error(transport, expected)}};
  };
  const Step query = open(UdpOf(5, 53), "dns-out");
  const Step syn = open(TcpOf(5, 443, wire::kSyn), "https-out");
  const Stack about = Between(HostAddress(family), PeerAddress(family)) / UdpOf(5, 53);
  const wire::Ip neighbour = family == Family::kIpv4 ? "203.0.113.12" : "2001:db8::12";
  const Stack redirect =
      family == Family::kIpv4 ? Stack(wire::Icmp{.type = 5}) : Stack(wire::Icmpv6{.type = 137});
  return {
      row("AboutNothing", UdpOf(5, 53), "drop default"),
      {"AboutAConversation", {query, error(UdpOf(5, 53), "pass reply dns-out")}},
      {"AboutTheOpeningPacket", {syn, error(TcpOf(5, 443, wire::kSyn), "pass reply https-out")}},
      {"AboutEightBytes", {syn, error(Cut{8} / TcpOf(5, 443, wire::kAck), "pass reply https-out")}},
      {"AboutSevenBytes", {syn, error(Cut{7} / TcpOf(5, 443, wire::kAck), "drop default")}},
      {"AboutAnEchoRequest",
       {open(EchoRequest(family, 3), "ping-out"),
        error(EchoRequest(family, 3), "pass reply ping-out"),
        error(EchoRequest(family, 4), "drop default")}},
      {"AboutAnotherProtocol",
       {open(Zeros(8, protocol::kEsp), "esp-out"),
        error(Zeros(8, protocol::kEsp), "pass reply esp-out")}},
      {"AboutAnotherPort", {query, error(UdpOf(6, 53), "drop default")}},
      {"AboutTheOtherSidesPacket",
       {query,
        {.packet = FrameBetween(RouterAddress(family), HostAddress(family)) / Unreachable(family) /
                   Between(PeerAddress(family), HostAddress(family)) / UdpOf(53, 5),
         .expected = "drop default"}}},
      {"ToAnotherThanWhoSent",
       {query,
        {.packet = FrameBetween(RouterAddress(family), neighbour) / Unreachable(family) / about,
         .expected = "drop default"}}},
      {"FromThePeerItself",
       {query,
        {.packet = In(family, Unreachable(family)) / about, .expected = "pass reply dns-out"}}},
      {"FromASpoofedSource",
       {query,
        {.packet = FrameBetween(neighbour, HostAddress(family)) / Unreachable(family) / about,
         .expected = "drop spoofed"}}},
      {"RedirectIsNoError",
       {query,
        {.packet = FrameBetween(RouterAddress(family), HostAddress(family)) / redirect / about,
         .expected = "drop default"}}},
      {"AfterTheConversationEnded",
       {query,
        {.milliseconds = Seconds(30),
         .packet = ErrorIn(family, UdpOf(5, 53)),
         .expected = "drop default"}}},
      row("AboutAnAnswerOfAService", TcpOf(443, 5, wire::kAck), "pass reply web"),
      row("AboutAnAnswerFromAnotherPort", TcpOf(444, 5, wire::kAck), "drop default"),
      row("AboutAnAnswerThatDenyForbidsToOpen", TcpOf(23, 5, wire::kAck), "drop default"),
      row("AboutAnEchoReply", EchoReply(family, 3), "pass reply ping-in"),
      row("AboutAnAnswerByProtocol", Zeros(8, 47), "pass reply gre-in"),
      {"AboutAFailsafeAnswer",
       {{.packet = FrameBetween(RouterAddress(family), HostAddress(family)) / Unreachable(family) /
                   Between(HostAddress(family), AdminAddress(family)) / TcpOf(22, 5, wire::kAck),
         .expected = "pass failsafe"}}},
  };
}

// The host's error about what it received.
std::vector<Story> ErrorsOut(Family family) {
  const auto row = [family](const std::string& name, const Stack& transport,
                            const std::string& expected) {
    return OnePacket(name, kOut, ErrorOut(family, transport), expected);
  };
  const Step query = {
      .direction = kOut, .packet = Out(family, UdpOf(5, 53)), .expected = "pass rule dns-out"};
  const Stack about = Between(PeerAddress(family), HostAddress(family)) / UdpOf(53, 5);
  return {
      row("AboutAServicesPacket", TcpOf(5, 443, wire::kAck), "pass reply web"),
      row("AboutAServicesOpeningPacket", TcpOf(5, 443, wire::kSyn), "pass reply web"),
      row("AboutADatagram", UdpOf(5, 50000), "pass reply media-in"),
      row("AboutAnEchoRequest", EchoRequest(family, 1), "pass reply ping-in"),
      row("AboutAPortThatIsNotOffered", UdpOf(5, 49999), "drop default"),
      row("AboutADeniedPacket", TcpOf(5, 23, wire::kSyn), "drop default"),
      row("AboutAnAnswerToNothing", UdpOf(53, 5), "drop default"),
      {"AboutAnAnswerInAConversation",
       {query,
        {.direction = kOut,
         .packet = ErrorOut(family, UdpOf(53, 5)),
         .expected = "pass reply dns-out"}}},
      {"AboutAnAnswerAfterTheConversationEnded",
       {query,
        {.milliseconds = Seconds(30),
         .direction = kOut,
         .packet = ErrorOut(family, UdpOf(53, 5)),
         .expected = "drop default"}}},
      {"DoesNotRefresh",
       {query,
        {.milliseconds = Seconds(20),
         .direction = kOut,
         .packet = ErrorOut(family, UdpOf(53, 5)),
         .expected = "pass reply dns-out"},
        {.milliseconds = Seconds(30),
         .packet = In(family, UdpOf(53, 5)),
         .expected = "drop default"}}},
      // A router that is not ours tells nobody anything through this node.
      OnePacket("FromWhatIsNotLocal", kOut,
                FrameBetween(RouterAddress(family), PeerAddress(family)) / Unreachable(family) /
                    Between(PeerAddress(family), HostAddress(family)) / TcpOf(5, 443, wire::kAck),
                "drop default"),
      // The error need not come from the address that the packet was sent to: a gateway answers for
      // its hosts.
      OnePacket("FromAnotherLocalAddress", kOut,
                FrameBetween(family == Family::kIpv4 ? "203.0.113.1" : "2001:db8::1",
                             PeerAddress(family)) /
                    Unreachable(family) / Between(PeerAddress(family), HostAddress(family)) /
                    TcpOf(5, 443, wire::kAck),
                "pass reply web"),
      OnePacket("AboutAFailsafePacket", kOut,
                FrameBetween(HostAddress(family), AdminAddress(family)) / Unreachable(family) /
                    Between(AdminAddress(family), HostAddress(family)) / TcpOf(5, 22, wire::kSyn),
                "pass failsafe"),
      OnePacket("AboutNothing", kOut, Out(family, Unreachable(family)), "drop default"),
      OnePacket("WithoutAnErrorType", kOut, Out(family, OtherIcmp(family)) / about, "drop default"),
  };
}

class ErrorTest : public testing::TestWithParam<Story> {};

TEST_P(ErrorTest, IsJudged) { EXPECT_THAT(Tell(EdgeNode(), GetParam().steps), testing::IsEmpty()); }

const auto kName = [](const auto& instance) { return instance.param.name; };
INSTANTIATE_TEST_SUITE_P(In, ErrorTest, testing::ValuesIn(InBothFamilies(ErrorsIn)), kName);
INSTANTIATE_TEST_SUITE_P(Out, ErrorTest, testing::ValuesIn(InBothFamilies(ErrorsOut)), kName);

}  // namespace
}  // namespace portmatrix
