// SPDX-License-Identifier: Apache-2.0
// Frames that are more than one piece of memory or more than one packet: jumbo frames in several
// buffers on receive, segmented super-packets on send.
#include "tests/kernel/odd_packets.h"
#include "tests/support/edge_node.h"

namespace portmatrix {
namespace {

using wire::Bytes;
using wire::Ethernet;
using wire::Extension;
using wire::Stack;
using wire::Zeros;

constexpr Direction kIn = Direction::kIn;
constexpr Direction kOut = Direction::kOut;
constexpr const char* kMalformed = "drop malformed";
constexpr const char* kWeb = "pass rule web";
constexpr const char* kHttpsOut = "pass rule https-out";

Stack Long(size_t bytes) { return Extension{.content = Bytes(bytes - 2)}; }

class OddBuffers : public OddPackets {};

// ---- Receive: several buffers ----

TEST_F(OddBuffers, HeadersAreReadWhereverBuffersPart) {
  if (!ChoosesFirstBuffer()) GTEST_SKIP() << "needs Linux 6.18 to say where the first buffer ends";
  Stack eight;
  for (int i = 0; i < 8; ++i) eight.Add(Extension{});
  wire::Ipv4 with_options = Ipv4Going(kIn);
  with_options.options = Bytes(40, 1);
  wire::Ipv4 routed = with_options;
  routed.options[39] = 137;
  const Stack tcp = wire::Tcp{.destination_port = 443, .flags = wire::kSyn, .options = Bytes(40)};
  const Stack tags =
      wire::Vlan{.id = 5, .tpid = ethertype::kServiceVlan} / Stack(wire::Vlan{.id = 6});
  const wire::Ip router = RouterAddress(Family::kIpv6), host = HostAddress(Family::kIpv6);
  const std::vector<Row> rows = {
      {"Options", kIn, Ethernet{} / with_options / tcp, kWeb},
      {"SourceRouteInTheLastByte", kIn, Ethernet{} / routed / tcp, kMalformed},
      {"TwoTags", kIn, Ethernet{} / tags / Ipv4Going(kIn) / tcp, "pass rule stacked-web"},
      {"ThreeTags", kIn, Ethernet{} / tags / wire::Vlan{.id = 7} / Ipv4Going(kIn) / tcp,
       "drop malformed on device"},
      {"EightExtensions", kIn, Ethernet{} / Ipv6Going(kIn) / eight / tcp, kWeb},
      {"NineExtensions", kIn, Ethernet{} / Ipv6Going(kIn) / eight / Extension{} / tcp, kMalformed},
      {"Udp", kIn, Ethernet{} / Ipv6Going(kIn) / UdpOf(5, 50000) / Zeros(9), "pass rule media-in"},
      {"SctpInit", kIn, Ethernet{} / Ipv4Going(kIn) / SctpOf(5, 9, kSctpInit), "pass rule init-in"},
      {"FirstFragment", kIn,
       Ethernet{} / Ipv6Going(kIn) / wire::FragmentHeader{.more = true} / Https() / Zeros(4), kWeb},
      {"Error", kIn,
       FrameBetween(router, host) / Unreachable(Family::kIpv6) / Ipv6Going(kOut) / eight /
           TcpOf(443, 5, wire::kAck),
       "pass reply web"},
      {"ErrorAboutNothing", kIn,
       FrameBetween(router, host) / Unreachable(Family::kIpv6) / Ipv6Going(kOut) / eight /
           TcpOf(444, 5, wire::kAck),
       "drop default"},
      {"Land", kIn, FrameBetween(host, host) / tcp, "drop spoofed"},
      {"Arp", kIn, Ethernet{.ethertype = ethertype::kArp} / Zeros(46), "pass ethertype"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    WaitHours();
    ASSERT_NO_FATAL_FAILURE(ExpectWhereverBuffersPart(
        {.direction = row.direction, .packet = row.packet, .expected = row.expected}));
  }
  CompareCounters();
}

// The first buffer of a test run holds about 3,500 bytes: headers behind long ones straddle its end
// on every kernel.
TEST_F(OddBuffers, HeadersAreReadAcrossAPage) {
  const wire::Ip router = RouterAddress(Family::kIpv6), host = HostAddress(Family::kIpv6);
  for (size_t bytes = 1200; bytes <= 2048; bytes += 8) {
    SCOPED_TRACE(bytes);
    WaitHours();
    const Stack chain = Long(2048) / Long(bytes);
    ExpectQuickly(kIn, Ethernet{} / Ipv6Going(kIn) / chain / Https(), kWeb);
    ExpectQuickly(kIn, Ethernet{} / Ipv6Going(kIn) / chain / TcpOf(5, 24, wire::kSyn),
                  "drop default");
    ExpectQuickly(kIn, Ethernet{} / Ipv6Going(kIn) / chain / wire::Routing{.type = 0} / Https(),
                  kMalformed);
    ExpectQuickly(kIn,
                  FrameBetween(router, host) / Unreachable(Family::kIpv6) / Ipv6Going(kOut) /
                      chain / TcpOf(443, 5, wire::kAck),
                  "pass reply web");
  }
  CompareCounters();
}

TEST_F(OddBuffers, JumboFramesReceived) {
  const Stack ack = TcpOf(5, 443, wire::kAck);
  Stack long_chain;
  for (int i = 0; i < 8; ++i) long_chain.Add(Long(2048));
  wire::Ipv4 short_total = Ipv4Going(kIn), long_total = Ipv4Going(kIn);
  short_total.total_length = 40;
  long_total.total_length = 9000;
  wire::Ipv6 short_payload = Ipv6Going(kIn);
  short_payload.payload_length = 20;
  const wire::Ip router = RouterAddress(Family::kIpv6), host = HostAddress(Family::kIpv6);
  const Stack first = wire::FragmentHeader{.identification = 7, .more = true};
  const Stack later = wire::FragmentHeader{.identification = 7, .offset = 8968};
  Expect(Stories({
      {"Jumbo", kIn, Ethernet{} / Ipv4Going(kIn) / ack / Zeros(8960), kWeb},
      {"Jumbo6", kIn, Ethernet{} / Ipv6Going(kIn) / ack / Zeros(8940), kWeb},
      {"TaggedJumbo", kIn, Ethernet{} / wire::Vlan{.id = 5} / Ipv4Going(kIn) / ack / Zeros(8960),
       "pass rule customer-web"},
      {"JumboThatNoRuleAllows", kIn,
       Ethernet{} / Ipv4Going(kIn) / TcpOf(5, 24, wire::kAck) / Zeros(8960), "drop default"},
      {"LargestDatagram", kIn, Ethernet{} / Ipv4Going(kIn) / ack / Zeros(65495), kWeb},
      {"LargestDatagram6", kIn, Ethernet{} / Ipv6Going(kIn) / ack / Zeros(65515), kWeb},
      {"TrailingBytesInOtherBuffers", kIn, Ethernet{} / short_total / ack / Zeros(8960), kWeb},
      {"TrailingBytesInOtherBuffers6", kIn, Ethernet{} / short_payload / ack / Zeros(8960), kWeb},
      {"TotalLengthBeyondTheLastBuffer", kIn, Ethernet{} / long_total / ack / Zeros(8959),
       kMalformed},
      {"TotalLengthUpToTheLastBuffer", kIn, Ethernet{} / long_total / ack / Zeros(8960), kWeb},
      {"UdpLengthUpToTheLastBuffer", kIn,
       Ethernet{} / Ipv4Going(kIn) / wire::Udp{.destination_port = 50000, .length = 8968} /
           Zeros(8960),
       "pass rule media-in"},
      {"UdpLengthBeyondTheLastBuffer", kIn,
       Ethernet{} / Ipv4Going(kIn) / wire::Udp{.destination_port = 50000, .length = 8969} /
           Zeros(8960),
       kMalformed},
      {"SixteenThousandBytesOfExtensions", kIn, Ethernet{} / Ipv6Going(kIn) / long_chain / Https(),
       kWeb},
      {"AndANinth", kIn, Ethernet{} / Ipv6Going(kIn) / long_chain / Extension{} / Https(),
       kMalformed},
      {"AndThoseOfAnEmbeddedPacket", kIn,
       Ethernet{} / wire::Ipv6{.source = router, .destination = host} / long_chain /
           Unreachable(Family::kIpv6) / Ipv6Going(kOut) / long_chain / TcpOf(443, 5, wire::kAck),
       "pass reply web"},
  }));
  Expect({{"JumboFragments",
           {{.packet = Ethernet{} / Ipv6Going(kIn) / first / ack / Zeros(8948), .expected = kWeb},
            {.packet = Ethernet{} / Ipv6Going(kIn) / later / Zeros(8950), .expected = kWeb}}}});
}

TEST_F(OddBuffers, FramesSentAsAPageHoldsThem) {
  Expect(Stories({
      {"Long", kOut, Ethernet{} / Ipv4Going(kOut) / Https() / Zeros(3400), kHttpsOut},
      {"LongChain", kOut, Ethernet{} / Ipv6Going(kOut) / Long(2048) / Long(1024) / Https(),
       kHttpsOut},
  }));
}

// ---- Send: super-packets ----

struct SuperPacket {
  const char* name;
  Stack packet;
  Carriage carriage;
  uint32_t wire_packets;
  const char* expected;
};

std::vector<SuperPacket> SuperPackets() {
  wire::Ipv4 ip = Ipv4Going(kOut), no_total = ip, short_total = ip, long_total = ip;
  no_total.total_length = 0;  // BIG TCP (Linux 6.3)
  short_total.total_length = 40;
  long_total.total_length = 65535;
  wire::Ipv6 ip6 = Ipv6Going(kOut), no_payload = ip6, short_payload = ip6;
  no_payload.payload_length = 0;
  short_payload.payload_length = 20;
  const Stack tcp = Https();  // headers of 54 bytes over IPv4, 74 over IPv6
  const auto udp = [](uint16_t length) {
    return wire::Udp{.destination_port = 50000, .length = length};
  };
  const Extension jumbo = {.kind = 0, .content = {0xc2, 4, 0, 1, 0, 0}};
  const Stack tag = wire::Vlan{.id = 5};
  return {
      {"Counted",
       Ethernet{} / ip / tcp / Zeros(3000),
       {.segment_bytes = 1000, .segments = 3, .wire_bytes = 3162},
       3,
       kHttpsOut},
      {"CountedInIpv6",
       Ethernet{} / ip6 / tcp / Zeros(3000),
       {.segment_bytes = 1000, .segments = 3, .wire_bytes = 3222},
       3,
       kHttpsOut},
      {"CountedDrop",
       Ethernet{} / ip / TcpOf(5, 24, wire::kSyn) / Zeros(3000),
       {.segment_bytes = 1000, .segments = 3, .wire_bytes = 3162},
       3,
       "drop default"},
      {"CountedDeny",
       Ethernet{} / ip / TcpOf(5, 25, wire::kSyn) / Zeros(3000),
       {.segment_bytes = 1000, .segments = 3, .wire_bytes = 3162},
       3,
       "drop rule no-smtp"},
      {"CountedReply",
       Ethernet{} / ip / TcpOf(443, 5, wire::kAck) / Zeros(3000),
       {.segment_bytes = 1000, .segments = 3, .wire_bytes = 3162},
       3,
       "pass reply web"},
      {"LastSegmentOfOneByte",
       Ethernet{} / ip / tcp / Zeros(2001),
       {.segment_bytes = 1000, .segments = 3, .wire_bytes = 2163},
       3,
       kHttpsOut},
      // A guest or raw socket made it and nobody has counted: the headers are not payload.
      {"NotCounted",
       Ethernet{} / ip / tcp / Zeros(2896),
       {.segment_bytes = 1448, .wire_bytes = 3004},
       2,
       kHttpsOut},
      {"NotCountedAndOneByteMore",
       Ethernet{} / ip / tcp / Zeros(2897),
       {.segment_bytes = 1448, .wire_bytes = 3059},
       3,
       kHttpsOut},
      {"NotCountedInIpv6",
       Ethernet{} / ip6 / tcp / Zeros(2896),
       {.segment_bytes = 1448, .wire_bytes = 3044},
       2,
       kHttpsOut},
      {"NotCountedTcpOptions",
       Ethernet{} / ip /
           wire::Tcp{.destination_port = 443, .flags = wire::kSyn, .options = Bytes(12)} /
           Zeros(2872),
       {.segment_bytes = 1436, .wire_bytes = 3004},
       2,
       kHttpsOut},
      {"NotCountedUdp",
       Ethernet{} / ip / udp(1408) / Zeros(2800),
       {.segment_bytes = 1400, .wire_bytes = 2884},
       2,
       "pass rule media-out"},
      {"NotCountedExtensions",
       Ethernet{} / ip6 / Extension{} / tcp / Zeros(2800),
       {.segment_bytes = 1400, .wire_bytes = 2964},
       2,
       kHttpsOut},
      {"NotCountedTag",
       Ethernet{} / tag / ip / tcp / Zeros(2800),
       {.segment_bytes = 1400, .wire_bytes = 2916},
       2,
       "drop default"},
      {"NotCountedAndOfOneSegment",
       Ethernet{} / ip / tcp / Zeros(100),
       {.segment_bytes = 1448},
       1,
       kHttpsOut},
      {"NotCountedAndWithoutPayload", Ethernet{} / ip / tcp, {.segment_bytes = 1448}, 1, kHttpsOut},
      {"NotCountedAndMalformed",
       Ethernet{} / ip / wire::Tcp{.destination_port = 443, .header_words = 4} / Zeros(2800),
       {.segment_bytes = 1400},
       3,
       kMalformed},
      // Lengths come from the buffer.
      {"TotalLengthOfZero",
       Ethernet{} / no_total / tcp / Zeros(3000),
       {.segment_bytes = 1000, .segments = 3},
       3,
       kHttpsOut},
      {"TotalLengthBelow",
       Ethernet{} / short_total / tcp / Zeros(3000),
       {.segment_bytes = 1000, .segments = 3},
       3,
       kHttpsOut},
      {"TotalLengthBeyond",
       Ethernet{} / long_total / tcp / Zeros(3000),
       {.segment_bytes = 1000, .segments = 3},
       3,
       kHttpsOut},
      {"PayloadLengthOfZero",
       Ethernet{} / no_payload / tcp / Zeros(3000),
       {.segment_bytes = 1000, .segments = 3},
       3,
       kHttpsOut},
      {"PayloadLengthBelow",
       Ethernet{} / short_payload / tcp / Zeros(3000),
       {.segment_bytes = 1000, .segments = 3},
       3,
       kHttpsOut},
      {"UdpLengthOfZero",
       Ethernet{} / ip / udp(0) / Zeros(3000),
       {.segment_bytes = 1000, .segments = 3},
       3,
       "pass rule media-out"},
      {"UdpLengthBeyond",
       Ethernet{} / ip6 / udp(60000) / Zeros(3000),
       {.segment_bytes = 1000, .segments = 3},
       3,
       "pass rule media-out"},
      {"SourceRouteAllTheSame",
       [&] {
         wire::Ipv4 routed = ip;
         routed.options = {131, 3, 4, 0};
         return Ethernet{} / routed / tcp / Zeros(3000);
       }(),
       {.segment_bytes = 1000, .segments = 3},
       3,
       kMalformed},
      // As BIG TCP over IPv6 has it (Linux 5.19); what the option weighs, tests/e2e tells.
      {"JumboOption",
       Ethernet{} / no_payload / jumbo / tcp / Zeros(3000),
       {.segment_bytes = 1000, .segments = 3, .wire_bytes = 3246},
       3,
       kHttpsOut},
      // Not segmented: one packet, by its own lengths.
      {"SegmentsWithoutASize", Ethernet{} / ip / tcp / Zeros(3000), {.segments = 3}, 1, kHttpsOut},
      {"TotalLengthOfZeroInOnePacket",
       Ethernet{} / no_total / tcp / Zeros(3000),
       {},
       1,
       kMalformed},
      {"PayloadLengthOfZeroInOnePacket",
       Ethernet{} / no_payload / tcp / Zeros(3000),
       {},
       1,
       kMalformed},
  };
}

TEST_F(OddBuffers, SuperPacketsSent) {
  for (const SuperPacket& row : SuperPackets()) {
    SCOPED_TRACE(row.name);
    WaitHours();
    Expect({.direction = kOut, .packet = row.packet, .expected = row.expected}, row.carriage,
           row.wire_packets);
  }
}

}  // namespace
}  // namespace portmatrix
