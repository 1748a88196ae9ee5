// SPDX-License-Identifier: Apache-2.0
// IPv4 in the reference decoder: header, options, lengths, fragments.
#include <gtest/gtest.h>

#include "agent/policy/packet.h"
#include "agent/policy/tuple.h"
#include "tests/support/packet_builder.h"
#include "tests/support/packet_text.h"

namespace portmatrix {
namespace {

using wire::Bytes;
using wire::Cut;
using wire::Ipv4;
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

constexpr const char* kHttps = "6 49152>443";
const Stack kTcp = Tcp{.destination_port = 443};

Stack WithOptions(const Bytes& options) { return Ipv4{.options = options} / kTcp; }

Stack Fragment(uint16_t offset, bool more, const Stack& content) {
  return Ipv4{.identification = 7, .more_fragments = more, .fragment_offset = offset} / content;
}

std::vector<Case> Headers() {
  return {
      {"PlainPacket", Ipv4{} / kTcp, kHttps},
      {"NineteenBytesAreNoHeader", Cut{19} / (Ipv4{} / kTcp), "malformed"},
      {"NothingIsNoHeader", Stack(), "malformed"},
      {"Version5", Ipv4{.version = 5} / kTcp, "malformed"},
      {"Version6", Ipv4{.version = 6} / kTcp, "malformed"},
      {"HeaderOfSixteenBytes", Ipv4{.header_words = 4} / kTcp, "malformed"},
      {"HeaderOfNoBytes", Ipv4{.header_words = 0} / kTcp, "malformed"},
      {"HeaderBeyondThePacket", Ipv4{.header_words = 15, .total_length = 20} / Zeros(8),
       "malformed"},
      {"HeaderBeyondTotalLength", Ipv4{.header_words = 6, .total_length = 20} / kTcp / Zeros(60),
       "malformed"},
      {"TotalLengthBelowTheHeader", Ipv4{.total_length = 19} / kTcp, "malformed"},
      {"TotalLengthOfZero", Ipv4{.total_length = 0} / kTcp, "malformed"},
      {"TotalLengthBeyondTheFrame", Ipv4{.total_length = 41} / kTcp, "malformed"},
      {"TotalLengthOfTheFrame", Ipv4{.total_length = 40} / kTcp, kHttps},
      {"TotalLengthCutsTransport", Ipv4{.total_length = 39} / kTcp, "malformed"},
      {"TrailingBytesAreNotLookedAt", Ipv4{.total_length = 40} / kTcp / Zeros(60), kHttps},
      {"ReservedFlagIsNotLookedAt", Ipv4{.reserved_flag = true} / kTcp, kHttps},
      {"DontFragmentIsNoFragment", Ipv4{.identification = 7, .dont_fragment = true} / kTcp, kHttps},
      {"OtherProtocolByNumber", Ipv4{} / Zeros(0, protocol::kEsp), "50"},
      {"AuthenticationHeaderIsAProtocol", Ipv4{} / wire::Authentication{} / kTcp, "51"},
      {"HopByHopIsAProtocol", Ipv4{.protocol = 0} / kTcp, "0"},
  };
}

std::vector<Case> Options() {
  return {
      {"NothingAndEnd", WithOptions({1, 1, 0, 0}), kHttps},
      {"RecordRoute", WithOptions({7, 7, 4, 0, 0, 0, 0}), kHttps},
      {"LongestHeader", WithOptions(Bytes(40, 1)), kHttps},
      {"OptionThatFillsTheHeader", WithOptions({148, 4, 0, 0}), kHttps},
      {"OptionOfTwoBytes", WithOptions({30, 2, 30, 2}), kHttps},
      {"LooseSourceRoute", WithOptions({131, 7, 4, 10, 0, 0, 1}), "malformed"},
      {"StrictSourceRoute", WithOptions({137, 7, 4, 10, 0, 0, 1}), "malformed"},
      {"SourceRouteBehindOthers", WithOptions({1, 148, 4, 0, 0, 131, 3, 4}), "malformed"},
      {"SourceRouteInTheLastByte", WithOptions({1, 1, 1, 137}), "malformed"},
      {"SourceRouteBehindTheEndIsPadding", WithOptions({0, 131, 3, 4}), kHttps},
      {"SourceRouteInsideAnOption", WithOptions({68, 4, 131, 137}), kHttps},
      {"OptionOfNoBytes", WithOptions({68, 0, 0, 0}), "malformed"},
      {"OptionOfOneByte", WithOptions({68, 1, 0, 0}), "malformed"},
      {"OptionBeyondTheHeader", WithOptions({68, 5, 0, 0}), "malformed"},
      {"OptionWithoutALength", WithOptions({1, 1, 1, 68}), "malformed"},
  };
}

std::vector<Case> Fragments() {
  return {
      {"FirstHasPorts", Fragment(0, true, Tcp{.destination_port = 443} / Zeros(4)),
       "6 49152>443 first id 7 header 20"},
      {"FirstWithTcpOptions",
       Fragment(0, true, Tcp{.destination_port = 443, .options = Bytes(12, 1)}),
       "6 49152>443 first id 7 header 32"},
      {"FirstOfUdpMayPromiseMore",
       Fragment(0, true, Udp{.source_port = 9, .destination_port = 53, .length = 3000}),
       "17 9>53 first id 7 header 8"},
      {"FirstOfUdpMayNotPromiseLess",
       Fragment(0, true, Udp{.source_port = 9, .destination_port = 53, .length = 7}), "malformed"},
      {"FirstOfIcmp", Fragment(0, true, wire::Icmp{.identifier = 5}),
       "1 5>0800 opening first id 7 header 8"},
      {"FirstOfAnotherProtocol", Fragment(0, true, Zeros(8, 47)), "47 first id 7 header 0"},
      {"FirstWithoutPayload", Fragment(0, true, Zeros(0, 47)), "47 first id 7 header 0"},
      {"TinyFirst", Fragment(0, true, Cut{16} / kTcp), "malformed"},
      {"TinyFirstWithPortsOnly", Fragment(0, true, Cut{8} / kTcp), "malformed"},
      {"FirstWithoutItsTcpOptions",
       Fragment(0, true, Cut{24} / (Tcp{.options = Bytes(12, 1)} / Zeros(8))), "malformed"},
      {"FirstOfOddLength", Fragment(0, true, kTcp / Zeros(1)), "malformed"},
      {"OptionsAreNoPayload",
       Ipv4{.more_fragments = true, .options = Bytes(4, 1)} / kTcp / Zeros(4),
       "6 49152>443 first id 0 header 20"},
      {"LaterIsReadNoFurther", Fragment(8, true, Zeros(8, protocol::kTcp)), "6 later id 7 at 8"},
      {"LastMayBeOdd", Fragment(1480, false, Zeros(1, protocol::kUdp)), "17 later id 7 at 1480"},
      {"LaterOfOddLength", Fragment(8, true, Zeros(9, protocol::kUdp)), "malformed"},
      {"EmptyLater", Fragment(8, false, Zeros(0, protocol::kUdp)), "17 later id 7 at 8"},
      {"LaterOfTheOtherFamilysIcmp", Fragment(8, false, Zeros(8, protocol::kIcmpv6)),
       "58 later id 7 at 8"},
      {"LaterThatEndsAt65535", Fragment(65528, false, Zeros(7, protocol::kUdp)),
       "17 later id 7 at 65528"},
      {"LaterThatEndsBeyond65535", Fragment(65528, false, Zeros(8, protocol::kUdp)), "malformed"},
      {"LaterWithASourceRoute",
       Ipv4{.fragment_offset = 8, .options = {131, 3, 4, 0}} / Zeros(8, protocol::kUdp),
       "malformed"},
  };
}

class DecodeIpv4Test : public testing::TestWithParam<Case> {};

TEST_P(DecodeIpv4Test, Reads) {
  const Bytes bytes = GetParam().packet;
  EXPECT_EQ(Describe(DecodePacket(Family::kIpv4, bytes)), GetParam().expected);
}

const auto kName = [](const auto& instance) { return instance.param.name; };
INSTANTIATE_TEST_SUITE_P(Headers, DecodeIpv4Test, testing::ValuesIn(Headers()), kName);
INSTANTIATE_TEST_SUITE_P(Options, DecodeIpv4Test, testing::ValuesIn(Options()), kName);
INSTANTIATE_TEST_SUITE_P(Fragments, DecodeIpv4Test, testing::ValuesIn(Fragments()), kName);

TEST(DecodeIpv4, FillsAddressesAndHopLimit) {
  const Bytes bytes =
      Ipv4{.source = "198.51.100.7", .destination = "203.0.113.11", .hop_limit = 3} / kTcp;
  const pm_packet packet = DecodePacket(Family::kIpv4, bytes).value();
  EXPECT_EQ(ToString(TupleSource(packet.tuple)), "198.51.100.7");
  EXPECT_EQ(ToString(TupleDestination(packet.tuple)), "203.0.113.11");
  EXPECT_EQ(packet.tuple.family, 4);
  EXPECT_EQ(packet.hop_limit, 3);
}

TEST(DecodeIpv4, SegmentedPacketsTakeTheirLengthFromTheBuffer) {
  const Bytes zero = Ipv4{.total_length = 0} / kTcp / Zeros(3000);
  EXPECT_EQ(Describe(DecodePacket(Family::kIpv4, zero, true)), kHttps);
  const Bytes less = Ipv4{.total_length = 40} / Udp{.destination_port = 53, .length = 0};
  EXPECT_EQ(Describe(DecodePacket(Family::kIpv4, less, true)), "17 49152>53");
  const Bytes cut = Cut{39} / (Ipv4{} / kTcp);
  EXPECT_EQ(Describe(DecodePacket(Family::kIpv4, cut, true)), "malformed");
}

}  // namespace
}  // namespace portmatrix
