// SPDX-License-Identifier: Apache-2.0
#include "tests/support/timeout_stories.h"

#include "tests/support/edge_node.h"

namespace portmatrix {
namespace {

using wire::Stack;
using wire::Zeros;

// Steps of a conversation of one protocol between host and peer.
struct Talk {
  Family family;
  Stack opening;  // also what the host sends on, where the protocol has no flags
  Stack answer;
  std::string rule;

  Step Send(uint64_t milliseconds, const Stack& transport) const {
    return {.milliseconds = milliseconds,
            .direction = Direction::kOut,
            .packet = Out(family, transport),
            .expected = "pass rule " + rule};
  }
  Step Send(uint64_t milliseconds) const { return Send(milliseconds, opening); }
  Step Lives(uint64_t milliseconds, const Stack& transport) const {
    return {.milliseconds = milliseconds,
            .direction = Direction::kIn,
            .packet = In(family, transport),
            .expected = "pass reply " + rule};
  }
  Step Lives(uint64_t milliseconds) const { return Lives(milliseconds, answer); }
  Step Gone(uint64_t milliseconds) const {
    return {.milliseconds = milliseconds,
            .direction = Direction::kIn,
            .packet = In(family, answer),
            .expected = "drop default"};
  }
};

// The two moments around an expiry, each in a story of its own because an answer may change what
// follows.
void AddExpiry(std::vector<Story>& stories, const std::string& name, const Talk& talk,
               const std::vector<Step>& steps, uint64_t expiry) {
  Story before = {name + "Lives", steps};
  before.steps.push_back(talk.Lives(expiry - 1));
  Story after = {name + "Ends", steps};
  after.steps.push_back(talk.Gone(expiry));
  stories.push_back(before);
  stories.push_back(after);
}

std::vector<Story> TcpStories(Family family) {
  const auto out = [](uint8_t flags) { return TcpOf(5, 443, flags); };
  const auto in = [](uint8_t flags) { return TcpOf(443, 5, flags); };
  const Talk tcp = {family, out(wire::kSyn), in(wire::kAck), "https-out"};
  const Step ack = tcp.Send(0, out(wire::kAck));
  std::vector<Story> stories;
  const auto row = [&](const std::string& name, const std::vector<Step>& steps, uint64_t expiry) {
    AddExpiry(stories, name, tcp, steps, Seconds(expiry));
  };
  row("SynAlone", {tcp.Send(0)}, 60);
  row("AnsweredSyn", {tcp.Send(0), tcp.Lives(1, in(kSynAck))}, 60);
  row("RepeatedSyn", {tcp.Send(0), tcp.Send(Seconds(50))}, 110);
  row("LateSyn", {tcp.Send(0), tcp.Send(Seconds(100))}, 160);
  row("Established", {tcp.Send(0), tcp.Lives(1, in(kSynAck)), tcp.Send(2000, out(wire::kAck))},
      7202);
  row("EstablishedFromItsMiddle", {ack}, 7200);
  row("RefreshedEstablished", {ack, tcp.Send(Seconds(7000), out(wire::kAck))}, 14200);
  row("AnswersDoNotRefresh", {ack, tcp.Lives(Seconds(7000))}, 7200);
  row("SynOnEstablishedStartsAnew", {ack, tcp.Send(Seconds(10))}, 70);
  row("SynAckOutDoesNotRefresh", {tcp.Send(0), tcp.Send(Seconds(50), out(kSynAck))}, 60);
  row("RstIn", {ack, tcp.Lives(Seconds(5), in(wire::kRst))}, 15);
  row("RstOut", {ack, tcp.Send(Seconds(5), out(wire::kRst))}, 15);
  row("RstLateInSyn", {tcp.Send(0), tcp.Lives(Seconds(59), in(wire::kRst))}, 69);
  row("RepeatedRstIn",
      {ack, tcp.Lives(Seconds(5), in(wire::kRst)), tcp.Lives(Seconds(12), in(wire::kRst))}, 15);
  row("RepeatedRstOut",
      {ack, tcp.Send(Seconds(5), out(wire::kRst)), tcp.Send(Seconds(12), out(wire::kRst))}, 15);
  row("RstThenNextOut",
      {ack, tcp.Lives(Seconds(5), in(wire::kRst)), tcp.Send(Seconds(8), out(wire::kAck))}, 7208);
  row("RstThenNextOutThenRst",
      {ack, tcp.Lives(Seconds(5), in(wire::kRst)), tcp.Send(Seconds(8), out(wire::kAck)),
       tcp.Lives(Seconds(9), in(wire::kRst))},
      19);
  row("RstThenLateOut",
      {ack, tcp.Lives(Seconds(5), in(wire::kRst)), tcp.Send(Seconds(20), out(wire::kAck))}, 7220);
  row("FinOutAlone", {ack, tcp.Send(Seconds(10), out(kFinAck))}, 7210);
  row("FinInAlone", {ack, tcp.Lives(Seconds(10), in(kFinAck))}, 7200);
  row("FinOutThenIn",
      {ack, tcp.Send(Seconds(10), out(kFinAck)), tcp.Lives(Seconds(20), in(kFinAck))}, 50);
  row("FinInThenOut",
      {ack, tcp.Lives(Seconds(10), in(kFinAck)), tcp.Send(Seconds(20), out(kFinAck))}, 50);
  row("FinsThenLastAck",
      {ack, tcp.Send(Seconds(10), out(kFinAck)), tcp.Lives(Seconds(20), in(kFinAck)),
       tcp.Send(Seconds(25), out(wire::kAck))},
      55);
  row("RepeatedFinIn",
      {ack, tcp.Send(Seconds(10), out(kFinAck)), tcp.Lives(Seconds(20), in(kFinAck)),
       tcp.Lives(Seconds(40), in(kFinAck))},
      50);
  row("FinsThenSyn",
      {ack, tcp.Send(Seconds(10), out(kFinAck)), tcp.Lives(Seconds(20), in(kFinAck)),
       tcp.Send(Seconds(30))},
      90);
  row("FinsThenRst",
      {ack, tcp.Send(Seconds(10), out(kFinAck)), tcp.Lives(Seconds(20), in(kFinAck)),
       tcp.Lives(Seconds(45), in(wire::kRst))},
      55);
  row("RstIsNotProlongedByAFin",
      {ack, tcp.Send(Seconds(1), out(kFinAck)), tcp.Lives(Seconds(5), in(wire::kRst)),
       tcp.Lives(Seconds(12), in(kFinAck))},
      15);
  row("FinsBeforeARstCountAfterItsRestoring",
      {ack, tcp.Send(Seconds(1), out(kFinAck)), tcp.Lives(Seconds(2), in(kFinAck)),
       tcp.Lives(Seconds(3), in(wire::kRst)), tcp.Send(Seconds(4), out(wire::kAck))},
      34);
  stories.push_back({"RstOfNothingMakesNothing", {tcp.Send(0, out(wire::kRst)), tcp.Gone(1)}});
  stories.push_back({"RstOfAnExpiredOneDoesNotRevive",
                     {tcp.Send(0), tcp.Send(Seconds(60), out(wire::kRst)), tcp.Gone(Seconds(61))}});
  return stories;
}

std::vector<Story> DatagramStories(Family family) {
  const Talk udp = {family, UdpOf(5, 53), UdpOf(53, 5), "dns-out"};
  const Talk esp = {family, Zeros(8, protocol::kEsp), Zeros(8, protocol::kEsp), "esp-out"};
  const Talk echo = {family, EchoRequest(family, 3), EchoReply(family, 3), "ping-out"};
  const Talk sctp = {family, SctpOf(5, 7, kSctpInit), SctpOf(7, 5, 0), "sctp-out"};
  const Stack chunk = SctpOf(5, 7, 0);
  std::vector<Story> stories;
  const auto row = [&](const std::string& name, const Talk& talk, const std::vector<Step>& steps,
                       uint64_t expiry) { AddExpiry(stories, name, talk, steps, Seconds(expiry)); };
  row("Udp", udp, {udp.Send(0)}, 30);
  row("RefreshedUdp", udp, {udp.Send(0), udp.Send(Seconds(20))}, 50);
  row("AnsweredUdp", udp, {udp.Send(0), udp.Lives(Seconds(29))}, 180);
  row("AnsweredUdpAgain", udp, {udp.Send(0), udp.Lives(Seconds(1)), udp.Lives(Seconds(170))}, 180);
  row("RefreshedAnsweredUdp", udp, {udp.Send(0), udp.Lives(1000), udp.Send(Seconds(100))}, 280);
  row("ExpiredUdpStartsAnew", udp, {udp.Send(0), udp.Lives(1000), udp.Send(Seconds(200))}, 230);
  row("UdpWithAnErrorIsNotAnswered", udp,
      {udp.Send(0),
       {.milliseconds = 1000,
        .packet = ErrorIn(family, UdpOf(5, 53)),
        .expected = "pass reply dns-out"}},
      30);
  row("OtherProtocol", esp, {esp.Send(0)}, 30);
  row("AnsweredOtherProtocol", esp, {esp.Send(0), esp.Lives(1000)}, 180);
  row("Echo", echo, {echo.Send(0)}, 30);
  row("AnsweredEcho", echo, {echo.Send(0), echo.Lives(1000)}, 30);
  row("RefreshedEcho", echo, {echo.Send(0), echo.Send(Seconds(20))}, 50);
  row("SctpInit", sctp, {sctp.Send(0)}, 30);
  row("AnsweredSctp", sctp, {sctp.Send(0), sctp.Lives(1000)}, 180);
  row("RefreshedAnsweredSctp", sctp,
      {sctp.Send(0), sctp.Lives(1000), sctp.Send(Seconds(100), chunk)}, 280);
  row("SctpInitStartsAnew", sctp, {sctp.Send(0), sctp.Lives(1000), sctp.Send(Seconds(10))}, 40);
  return stories;
}

}  // namespace

std::vector<Story> TcpTimeoutStories() { return InBothFamilies(TcpStories); }
std::vector<Story> OtherTimeoutStories() { return InBothFamilies(DatagramStories); }

}  // namespace portmatrix
