// SPDX-License-Identifier: Apache-2.0
// Transport headers in the reference decoder, and the packets that ICMP errors embed.
#include <gtest/gtest.h>

#include "agent/policy/packet.h"
#include "agent/policy/tuple.h"
#include "tests/support/packet_builder.h"
#include "tests/support/packet_text.h"

namespace portmatrix {
namespace {

using wire::Bytes;
using wire::Cut;
using wire::Icmp;
using wire::Icmpv6;
using wire::Ipv4;
using wire::Ipv6;
using wire::Sctp;
using wire::Stack;
using wire::Tcp;
using wire::Udp;
using wire::Zeros;

struct Case {
  std::string name;
  Stack packet;  // from the IP header on
  std::string expected;
};

void PrintTo(const Case& row, std::ostream* out) { *out << row.name; }

Stack OverIpv4(const Stack& transport) { return Ipv4{} / transport; }
Stack TcpWith(uint8_t flags) { return Ipv4{} / Tcp{.destination_port = 1, .flags = flags}; }

std::vector<Case> Headers() {
  return {
      {"SynOpens", TcpWith(wire::kSyn), "6 49152>1 opening"},
      {"SynAckDoesNotOpen", TcpWith(wire::kSyn | wire::kAck), "6 49152>1"},
      {"AckDoesNotOpen", TcpWith(wire::kAck), "6 49152>1"},
      {"NoFlagsDoNotOpen", TcpWith(0), "6 49152>1"},
      {"SynWithAllFlagsButAckOpens", TcpWith(0xff & ~wire::kAck), "6 49152>1 opening"},
      {"SynWithAllFlagsDoesNotOpen", TcpWith(0xff), "6 49152>1"},
      {"PortsOfZeroArePorts", OverIpv4(Tcp{.source_port = 0, .flags = wire::kSyn}), "6 opening"},
      {"NineteenBytesAreNoTcp", OverIpv4(Cut{19} / Stack(Tcp{})), "malformed"},
      {"TcpHeaderOfSixteenBytes", OverIpv4(Tcp{.header_words = 4}), "malformed"},
      {"TcpHeaderUpToTheEnd", OverIpv4(Tcp{.header_words = 15} / Zeros(40)), "6 49152>0"},
      {"TcpHeaderBeyondTheEnd", OverIpv4(Tcp{.header_words = 15} / Zeros(39)), "malformed"},
      {"UdpOfEightBytes", OverIpv4(Udp{.destination_port = 53}), "17 49152>53"},
      {"SevenBytesAreNoUdp", OverIpv4(Cut{7} / Stack(Udp{})), "malformed"},
      {"UdpLengthBelowEight", OverIpv4(Udp{.length = 7}), "malformed"},
      {"UdpLengthOfZero", OverIpv4(Udp{.length = 0}), "malformed"},
      {"UdpLengthBeyondThePayload", OverIpv4(Udp{.length = 13} / Zeros(4)), "malformed"},
      {"UdpLengthBelowThePayload", OverIpv4(Udp{.destination_port = 53, .length = 11} / Zeros(4)),
       "17 49152>53"},
      {"UdpOverIpv6NeedsALengthToo", Ipv6{} / Udp{.length = 0}, "malformed"},
      {"SctpInitOpens", OverIpv4(Sctp{.destination_port = 9, .chunk = 1}), "132 49152>9 opening"},
      {"SctpInitAckDoesNotOpen", OverIpv4(Sctp{.destination_port = 9, .chunk = 2}), "132 49152>9"},
      {"SctpWithoutAChunkDoesNotOpen", OverIpv4(Sctp{.destination_port = 9}), "132 49152>9"},
      {"ChunkOfOneByteIsRead", OverIpv4(Cut{13} / Stack(Sctp{.destination_port = 9, .chunk = 1})),
       "132 49152>9 opening"},
      {"ElevenBytesAreNoSctp", OverIpv4(Cut{11} / Stack(Sctp{})), "malformed"},
      {"TrailingInitIsNoChunk", Ipv4{.total_length = 32} / Sctp{.destination_port = 9, .chunk = 1},
       "132 49152>9"},
      {"EchoRequestOpens", OverIpv4(Icmp{.type = 8, .identifier = 5}), "1 5>0800 opening"},
      {"EchoRequestWithACodeDoesNot", OverIpv4(Icmp{.type = 8, .code = 1, .identifier = 5}),
       "1 0>0801"},
      {"EchoReplyHasItsIdentifier", OverIpv4(Icmp{.type = 0, .identifier = 5}), "1 5>0000"},
      {"OtherIcmpHasNone", OverIpv4(Icmp{.type = 13, .identifier = 5}), "1 0>0d00"},
      {"SevenBytesAreNoIcmp", OverIpv4(Cut{7} / Stack(Icmp{})), "malformed"},
      {"EchoRequestOfIpv6Opens", Ipv6{} / Icmpv6{.type = 128, .identifier = 5},
       "58 5>8000 opening"},
      {"EchoReplyOfIpv6", Ipv6{} / Icmpv6{.type = 129, .identifier = 5}, "58 5>8100"},
      {"SevenBytesAreNoIcmpv6", Ipv6{} / Cut{7} / Stack(Icmpv6{}), "malformed"},
      {"IcmpOverIpv6", Ipv6{} / Icmp{}, "malformed"},
      {"Icmpv6OverIpv4", Ipv4{} / Icmpv6{}, "malformed"},
      {"OtherProtocolsNeedNothing", OverIpv4(Zeros(0, 132 + 1)), "133"},
  };
}

Stack Error4(const Stack& embedded) { return Ipv4{} / Icmp{.type = 3, .code = 3} / embedded; }
Stack Error6(const Stack& embedded) { return Ipv6{} / Icmpv6{.type = 1} / embedded; }
const Stack kUdp4 = Ipv4{} / Udp{.source_port = 5, .destination_port = 53} / Zeros(20);
const Stack kUdp6 = Ipv6{} / Udp{.source_port = 5, .destination_port = 53} / Zeros(20);
const Stack kAbout4 = Error4(kUdp4);

Stack TypeOf4(uint8_t type) { return Ipv4{} / Icmp{.type = type} / kUdp4; }
Stack TypeOf6(uint8_t type) { return Ipv6{} / Icmpv6{.type = type} / kUdp6; }

std::vector<Case> Errors() {
  const std::string about4 = "1 0>0303 error about 17 5>53";
  const std::string about6 = "58 0>0100 error about 17 5>53";
  const std::string nothing4 = "1 0>0303 error";
  const std::string nothing6 = "58 0>0100 error";
  const Stack udp = Udp{.source_port = 5, .destination_port = 53};
  return {
      {"Unreachable", TypeOf4(3), "1 0>0300 error about 17 5>53"},
      {"TimeExceeded", TypeOf4(11), "1 0>0b00 error about 17 5>53"},
      {"ParameterProblem", TypeOf4(12), "1 0>0c00 error about 17 5>53"},
      {"SourceQuenchIsNone", TypeOf4(4), "1 0>0400"},
      {"RedirectIsNone", TypeOf4(5), "1 0>0500"},
      {"UnreachableOfIpv6", TypeOf6(1), about6},
      {"PacketTooBig", TypeOf6(2), "58 0>0200 error about 17 5>53"},
      {"TimeExceededOfIpv6", TypeOf6(3), "58 0>0300 error about 17 5>53"},
      {"ParameterProblemOfIpv6", TypeOf6(4), "58 0>0400 error about 17 5>53"},
      {"TypeFiveOfIpv6IsNone", TypeOf6(5), "58 0>0500"},
      {"EightBytesSuffice", Error4(Cut{28} / kUdp4), about4},
      {"SevenDoNot", Error4(Cut{27} / kUdp4), nothing4},
      {"EightBytesBehindOptionsSuffice", Error4(Cut{32} / (Ipv4{.options = {1, 1, 1, 1}} / udp)),
       about4},
      {"SevenBehindOptionsDoNot", Error4(Cut{31} / (Ipv4{.options = {1, 1, 1, 1}} / udp)),
       nothing4},
      {"EightBytesOfIpv6Suffice", Error6(Cut{48} / kUdp6), about6},
      {"SevenOfIpv6DoNot", Error6(Cut{47} / kUdp6), nothing6},
      {"EightBytesOfAnyProtocolAreNeeded", Error4(Ipv4{} / Zeros(7, 47)), nothing4},
      {"OtherProtocol", Error4(Ipv4{} / Zeros(8, 47)), "1 0>0303 error about 47"},
      {"NothingEmbedded", Error4(Stack()), nothing4},
      {"LengthsAreNotLookedAt", Error4(Ipv4{.total_length = 0} / udp), about4},
      {"UdpLengthIsNotLookedAt",
       Error4(Ipv4{} / Udp{.source_port = 5, .destination_port = 53, .length = 0}), about4},
      {"PayloadLengthIsNotLookedAt", Error6(Ipv6{.payload_length = 60000} / udp), about6},
      {"OptionsAreNotLookedAt", Error4(Ipv4{.options = {131, 0, 0, 0}} / udp), about4},
      {"EmbeddedVersionMustFit", Error4(kUdp6), nothing4},
      {"EmbeddedVersionMustFitIpv6", Error6(kUdp4 / Zeros(40)), nothing6},
      {"EmbeddedHeaderOfSixteenBytes", Error4(Ipv4{.header_words = 4} / udp), nothing4},
      {"EmbeddedTcpNeedsPortsOnly",
       Error4(Ipv4{} / (Cut{8} / Stack(Tcp{.source_port = 5, .destination_port = 443}))),
       "1 0>0303 error about 6 5>443"},
      {"EmbeddedFirstFragment", Error4(Ipv4{.more_fragments = true} / udp / Zeros(5)), about4},
      {"EmbeddedLaterFragment", Error4(Ipv4{.fragment_offset = 8} / udp), nothing4},
      {"EmbeddedFirstFragmentOfIpv6", Error6(Ipv6{} / wire::FragmentHeader{.more = true} / udp),
       about6},
      {"EmbeddedLaterFragmentOfIpv6", Error6(Ipv6{} / wire::FragmentHeader{.offset = 8} / udp),
       nothing6},
      {"EmbeddedExtensions", Error6(Ipv6{} / wire::Extension{} / wire::Routing{} / udp), about6},
      {"EmbeddedRouteIsNotFinished",
       Error6(Ipv6{} / wire::Routing{.segments_left = 1} / udp / Zeros(20)), nothing6},
      {"EmbeddedNinthExtension",
       Error6(Ipv6{} / wire::Extension{} / wire::Extension{} / wire::Extension{} /
              wire::Extension{} / wire::Extension{} / wire::Extension{} / wire::Extension{} /
              wire::Extension{} / wire::Extension{} / udp),
       nothing6},
      {"EmbeddedChainIsCut", Error6(Cut{44} / (Ipv6{} / wire::Extension{} / udp)), nothing6},
      {"EmbeddedEchoRequest", Error4(Ipv4{} / Icmp{.type = 8, .identifier = 6}),
       "1 0>0303 error about 1 6>0800"},
      {"EmbeddedEchoReply", Error4(Ipv4{} / Icmp{.type = 0, .identifier = 6}),
       "1 0>0303 error about 1 6>0000"},
      {"EmbeddedEchoWithACode", Error4(Ipv4{} / Icmp{.type = 8, .code = 1}), nothing4},
      {"EmbeddedErrorBelongsToNothing", Error4(kAbout4), nothing4},
      {"EmbeddedIcmpOfTheOtherFamily", Error4(Ipv4{} / Icmpv6{.type = 128}), nothing4},
      {"EmbeddedIcmpOfTheOtherFamilyOverIpv6", Error6(Ipv6{} / Icmp{.type = 8}), nothing6},
      {"EmbeddedEchoRequestOfIpv6", Error6(Ipv6{} / Icmpv6{.type = 128, .identifier = 6}),
       "58 0>0100 error about 58 6>8000"},
      {"ErrorsEndIsTheEmbeddedPacketsEnd", Ipv4{.total_length = 55} / Icmp{.type = 3} / kUdp4,
       "1 0>0300 error"},
  };
}

class DecodeTransportTest : public testing::TestWithParam<Case> {};

TEST_P(DecodeTransportTest, Reads) {
  const Bytes bytes = GetParam().packet;
  const Family family = bytes.at(0) >> 4 == 4 ? Family::kIpv4 : Family::kIpv6;
  EXPECT_EQ(Describe(DecodePacket(family, bytes)), GetParam().expected);
}

const auto kName = [](const auto& instance) { return instance.param.name; };
INSTANTIATE_TEST_SUITE_P(Headers, DecodeTransportTest, testing::ValuesIn(Headers()), kName);
INSTANTIATE_TEST_SUITE_P(Errors, DecodeTransportTest, testing::ValuesIn(Errors()), kName);

TEST(DecodeTransport, EmbeddedAddressesAreThoseOfTheEmbeddedPacket) {
  const Bytes bytes = Ipv4{.source = "192.0.2.1", .destination = "203.0.113.1"} / Icmp{.type = 3} /
                      Ipv4{.source = "203.0.113.1", .destination = "198.51.100.1"} / Udp{};
  const pm_packet packet = DecodePacket(Family::kIpv4, bytes).value();
  EXPECT_EQ(ToString(TupleSource(packet.embedded)), "203.0.113.1");
  EXPECT_EQ(ToString(TupleDestination(packet.embedded)), "198.51.100.1");
}

}  // namespace
}  // namespace portmatrix
