// SPDX-License-Identifier: Apache-2.0
// IPv6 in the reference decoder: header, chain of extension headers, fragments, what is embedded in
// errors.
#include <gtest/gtest.h>

#include "agent/policy/packet.h"
#include "agent/policy/tuple.h"
#include "tests/support/packet_builder.h"
#include "tests/support/packet_text.h"

namespace portmatrix {
namespace {

using wire::Authentication;
using wire::Bytes;
using wire::Cut;
using wire::Extension;
using wire::FragmentHeader;
using wire::Ipv6;
using wire::Routing;
using wire::Stack;
using wire::Tcp;
using wire::Zeros;

struct Case {
  std::string name;
  Stack packet;  // from the IP header on
  std::string expected;
};

void PrintTo(const Case& row, std::ostream* out) { *out << row.name; }

constexpr const char* kHttps = "6 49152>443";
const Stack kTcp = Tcp{.destination_port = 443};
const Stack kHopByHop = Extension{.kind = protocol::kHopByHop};
const Stack kOptions = Extension{.kind = protocol::kDestinationOptions};

Stack Times(size_t count, const Stack& layer) {
  Stack stack;
  for (; count > 0; --count) stack.Add(layer);
  return stack;
}

Stack Fragment(uint16_t offset, bool more, const Stack& content) {
  return Ipv6{} / FragmentHeader{.identification = 70000, .offset = offset, .more = more} / content;
}

std::vector<Case> Headers() {
  return {
      {"PlainPacket", Ipv6{} / kTcp, kHttps},
      {"ThirtyNineBytesAreNoHeader", Cut{39} / (Ipv6{} / kTcp), "malformed"},
      {"Version4", Ipv6{.version = 4} / kTcp, "malformed"},
      {"PayloadLengthBeyondTheFrame", Ipv6{.payload_length = 21} / kTcp, "malformed"},
      {"PayloadLengthCutsTransport", Ipv6{.payload_length = 19} / kTcp, "malformed"},
      {"TrailingBytesAreNotLookedAt", Ipv6{.payload_length = 20} / kTcp / Zeros(9), kHttps},
      {"NoPayloadAndNoNextHeader", Ipv6{} / Zeros(0, protocol::kNoNextHeader), "59"},
      {"JumbogramHasItsHeadersBeyondItsEnd",
       Ipv6{.payload_length = 0} /
           Extension{.kind = protocol::kHopByHop, .content = {0xc2, 4, 0, 1, 0, 0}} / kTcp,
       "malformed"},
      {"EspEndsTheChain", Ipv6{} / kOptions / Zeros(20, protocol::kEsp), "50"},
      {"NoNextHeaderEndsTheChain", Ipv6{} / Zeros(20, protocol::kNoNextHeader), "59"},
      {"IpInIpIsAProtocol", Ipv6{} / Ipv6{} / kTcp, "41"},
  };
}

std::vector<Case> Chains() {
  const Stack eight = Times(8, kOptions);
  return {
      {"HopByHop", Ipv6{} / kHopByHop / kTcp, kHttps},
      {"HopByHopAnywhere", Ipv6{} / kOptions / kHopByHop / kTcp, kHttps},
      {"EveryKindOnce",
       Ipv6{} / kHopByHop / Routing{} / FragmentHeader{} / Authentication{} / kOptions /
           Extension{.kind = protocol::kMobility} / Extension{.kind = protocol::kHostIdentity} /
           Extension{.kind = protocol::kShim6} / kTcp,
       kHttps},
      {"EightOfOneKind", Ipv6{} / eight / kTcp, kHttps},
      {"NinthIsMalformed", Ipv6{} / eight / kOptions / kTcp, "malformed"},
      {"NinthCountsAlsoBehindAFragmentHeader", Ipv6{} / FragmentHeader{} / eight / kTcp,
       "malformed"},
      {"EightAndEsp", Ipv6{} / eight / Zeros(8, protocol::kEsp), "50"},
      {"LongExtension", Ipv6{} / Extension{.content = Bytes(2000)} / kTcp, kHttps},
      {"ExtensionBeyondThePacket", Ipv6{} / Extension{.length = 9} / kTcp, "malformed"},
      {"ExtensionCutInItsFirstBytes", Ipv6{.next_header = protocol::kDestinationOptions} / Zeros(1),
       "malformed"},
      {"ExtensionThatIsMissing", Ipv6{.next_header = protocol::kDestinationOptions} / Zeros(0),
       "malformed"},
      {"ExtensionInTrailingBytes", Ipv6{.payload_length = 8} / kOptions / kTcp, "malformed"},
      {"AuthenticationCountsInWords", Ipv6{} / Authentication{.icv_bytes = 16} / kTcp, kHttps},
      {"ShortestAuthentication",
       Ipv6{} / wire::Payload{.bytes = {6, 0, 0, 0, 0, 0, 0, 0}, .protocol = 51} / kTcp, kHttps},
      {"RoutingTypeTwoAtItsEnd", Ipv6{} / Routing{.type = 2, .content_bytes = 20} / kTcp, kHttps},
      {"RoutingTypeZero", Ipv6{} / Routing{.type = 0} / kTcp, "malformed"},
      {"RoutingWithSegmentsLeft", Ipv6{} / Routing{.type = 4, .segments_left = 1} / kTcp,
       "malformed"},
      {"SecondRoutingWithSegmentsLeft",
       Ipv6{} / Routing{.type = 4} / Routing{.type = 4, .segments_left = 2} / kTcp, "malformed"},
  };
}

std::vector<Case> Fragments() {
  return {
      {"FirstHasPorts", Fragment(0, true, kTcp / Zeros(4)), "6 49152>443 first id 70000 header 20"},
      {"HeadersBehindBelongToTheFragmentablePart", Fragment(0, true, kOptions / kTcp / Zeros(4)),
       "6 49152>443 first id 70000 header 28"},
      {"HeadersBeforeDoNot",
       Ipv6{} / kOptions / FragmentHeader{.identification = 1, .more = true} / kTcp / Zeros(4),
       "6 49152>443 first id 1 header 20"},
      {"LaterHasNoProtocol", Fragment(8, true, Zeros(8, protocol::kUdp)), "0 later id 70000 at 8"},
      {"LaterIsReadNoFurther", Fragment(8, false, Zeros(1, protocol::kDestinationOptions)),
       "0 later id 70000 at 8"},
      {"AtomicIsWhole", Fragment(0, false, kTcp / Zeros(1)), kHttps},
      {"AtomicMayBeOddInLength", Fragment(0, false, kTcp / Zeros(3)), kHttps},
      {"SecondFragmentHeader", Fragment(0, true, FragmentHeader{.more = true} / kTcp / Zeros(4)),
       "malformed"},
      {"SecondBehindAnAtomicOne", Fragment(0, false, FragmentHeader{} / kTcp), "malformed"},
      {"SecondBehindALaterOneIsItsContent", Fragment(8, true, FragmentHeader{} / Zeros(8)),
       "0 later id 70000 at 8"},
      {"TinyFirst", Fragment(0, true, Cut{16} / kTcp), "malformed"},
      {"TinyFirstWithinItsExtensions", Fragment(0, true, Cut{8} / (kOptions / kTcp)), "malformed"},
      {"TinyFirstWithinAnExtension",
       Fragment(0, true, Cut{8} / (Extension{.content = Bytes(14)} / kTcp)), "malformed"},
      {"FirstOfOddLength", Fragment(0, true, kTcp / Zeros(1)), "malformed"},
      {"LaterOfOddLength", Fragment(8, true, Zeros(9)), "malformed"},
      {"LaterThatEndsAt65535", Fragment(65528, false, Zeros(7)), "0 later id 70000 at 65528"},
      {"LaterThatEndsBeyond65535", Fragment(65528, false, Zeros(8)), "malformed"},
      {"CutFragmentHeader", Ipv6{.next_header = protocol::kFragment} / Zeros(7), "malformed"},
      {"FirstOfEsp", Fragment(0, true, Zeros(8, protocol::kEsp)), "50 first id 70000 header 0"},
      {"FirstOfIcmp", Fragment(0, true, wire::Icmpv6{.identifier = 3}),
       "58 3>8000 opening first id 70000 header 8"},
  };
}

class DecodeIpv6Test : public testing::TestWithParam<Case> {};

TEST_P(DecodeIpv6Test, Reads) {
  const Bytes bytes = GetParam().packet;
  EXPECT_EQ(Describe(DecodePacket(Family::kIpv6, bytes)), GetParam().expected);
}

const auto kName = [](const auto& instance) { return instance.param.name; };
INSTANTIATE_TEST_SUITE_P(Headers, DecodeIpv6Test, testing::ValuesIn(Headers()), kName);
INSTANTIATE_TEST_SUITE_P(Chains, DecodeIpv6Test, testing::ValuesIn(Chains()), kName);
INSTANTIATE_TEST_SUITE_P(Fragments, DecodeIpv6Test, testing::ValuesIn(Fragments()), kName);

TEST(DecodeIpv6, FillsAddressesAndHopLimit) {
  const Bytes bytes =
      Ipv6{.source = "2001:db8::7", .destination = "2001:db8::b", .hop_limit = 255} / kTcp;
  const pm_packet packet = DecodePacket(Family::kIpv6, bytes).value();
  EXPECT_EQ(ToString(TupleSource(packet.tuple)), "2001:db8::7");
  EXPECT_EQ(ToString(TupleDestination(packet.tuple)), "2001:db8::b");
  EXPECT_EQ(packet.tuple.family, 6);
  EXPECT_EQ(packet.hop_limit, 255);
}

TEST(DecodeIpv6, SegmentedPacketsTakeTheirLengthFromTheBuffer) {
  const Bytes jumbo = Ipv6{.payload_length = 0} /
                      Extension{.kind = protocol::kHopByHop, .content = {0xc2, 4, 0, 1, 0, 0}} /
                      kTcp / Zeros(66000);
  EXPECT_EQ(Describe(DecodePacket(Family::kIpv6, jumbo, true)), kHttps);
  const Bytes cut = Cut{59} / (Ipv6{} / kTcp);
  EXPECT_EQ(Describe(DecodePacket(Family::kIpv6, cut, true)), "malformed");
}

}  // namespace
}  // namespace portmatrix
