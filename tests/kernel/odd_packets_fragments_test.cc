// SPDX-License-Identifier: Apache-2.0
// Fragments of both families in both directions: first, middle, last, overlapping, tiny, atomic,
// out of order. A later fragment that comes before its first is dropped and not kept: nothing is
// held back to be judged when the first arrives, and a sender repeats what was lost.
#include "tests/kernel/odd_packets.h"
#include "tests/support/edge_node.h"

namespace portmatrix {
namespace {

using wire::Bytes;
using wire::Cut;
using wire::Ethernet;
using wire::Stack;
using wire::Zeros;

constexpr Direction kIn = Direction::kIn;
constexpr Direction kOut = Direction::kOut;
constexpr const char* kMalformed = "drop malformed";
constexpr const char* kNoFirst = "drop fragment";

// The fragments of one datagram from peer to host, or back.
struct Sender {
  Family family;
  Direction direction;
  uint32_t identification = 77;

  Stack Packet(uint16_t offset, bool more, const Stack& content) const {
    if (family == Family::kIpv4) {
      wire::Ipv4 ip = Ipv4Going(direction);
      ip.identification = static_cast<uint16_t>(identification);
      ip.more_fragments = more;
      ip.fragment_offset = offset;
      return Ethernet{} / ip / content;
    }
    return Ethernet{} / Ipv6Going(direction) /
           wire::FragmentHeader{.identification = identification, .offset = offset, .more = more} /
           content;
  }
  Step Of(uint16_t offset, bool more, const Stack& content, const std::string& expected) const {
    return {.direction = direction, .packet = Packet(offset, more, content), .expected = expected};
  }
  // TCP's twenty bytes and twelve more.
  Step First(const Stack& tcp, const std::string& expected) const {
    return Of(0, true, tcp / Zeros(12), expected);
  }
  Step Middle(uint16_t offset, const std::string& expected) const {
    return Of(offset, true, Zeros(16, protocol::kTcp), expected);
  }
  Step Last(uint16_t offset, const std::string& expected) const {
    return Of(offset, false, Zeros(5, protocol::kTcp), expected);
  }
};

std::vector<Story> Order(const Sender& by) {
  const std::string passes = HttpsPasses(by.direction);
  const Stack closed = TcpOf(5, 24, wire::kSyn);
  const Sender other = {by.family, by.direction, by.identification + 1};
  const Sender back = {by.family, by.direction == kIn ? kOut : kIn, by.identification};
  return {
      {"InOrder",
       {by.First(Https(), passes), by.Middle(32, passes), by.Middle(48, passes),
        by.Last(64, passes)}},
      {"InOrderOfADrop",
       {by.First(closed, "drop default"), by.Middle(32, "drop default"),
        by.Last(48, "drop default")}},
      {"LastFirst",
       {by.Last(64, kNoFirst), by.Middle(32, kNoFirst), by.First(Https(), passes),
        by.Middle(48, passes), by.Last(64, passes)}},
      {"MiddleFirst",
       {by.Middle(32, kNoFirst), by.First(Https(), passes), by.Middle(32, passes),
        by.Last(48, passes)}},
      {"LaterOnesInAnyOrderBehindTheFirst",
       {by.First(Https(), passes), by.Last(64, passes), by.Middle(48, passes),
        by.Middle(32, passes)}},
      {"OneTwice",
       {by.First(Https(), passes), by.First(Https(), passes), by.Middle(32, passes),
        by.Middle(32, passes), by.Last(48, passes), by.Last(48, passes)}},
      {"BehindTheLast", {by.First(Https(), passes), by.Last(32, passes), by.Middle(48, passes)}},
      {"HoleThatNothingFills", {by.First(Https(), passes), by.Last(65520, passes)}},
      {"TwoDatagramsThatMix",
       {by.First(Https(), passes), other.First(closed, "drop default"), by.Middle(32, passes),
        other.Middle(32, "drop default"), other.Last(48, "drop default"), by.Last(48, passes)}},
      {"OtherIdentification", {by.First(Https(), passes), other.Middle(32, kNoFirst)}},
      {"OtherDirection", {by.First(Https(), passes), back.Middle(32, kNoFirst)}},
      {"LatestFirstDecides",
       {by.First(Https(), passes), by.Middle(32, passes), by.First(closed, "drop default"),
        by.Middle(48, "drop default"), by.First(Https(), passes), by.Last(64, passes)}},
      {"MalformedFirstIsNone",
       {by.Of(0, true, Cut{16} / Https(), kMalformed), by.Middle(16, kNoFirst)}},
      {"MalformedFirstLeavesTheOneBefore",
       {by.First(Https(), passes), by.Of(0, true, Cut{16} / Https(), kMalformed),
        by.Middle(32, passes)}},
  };
}

std::vector<Story> Overlaps(const Sender& by) {
  const std::string passes = HttpsPasses(by.direction);
  const Stack with_options =
      wire::Tcp{.destination_port = 443, .flags = wire::kSyn, .options = Bytes(20, 1)};
  std::vector<Story> stories = {
      {"InsideTheHeader",
       {by.First(Https(), passes), by.Middle(8, kMalformed), by.Middle(16, kMalformed)}},
      {"BehindTheHeader", {by.First(Https(), passes), by.Middle(24, passes)}},
      {"LastInsideTheHeader", {by.First(Https(), passes), by.Last(16, kMalformed)}},
      {"InsideTheHeadersOptions",
       {by.Of(0, true, with_options, passes), by.Middle(32, kMalformed), by.Middle(40, passes)}},
      {"OverTheDataIsTheHostsBusiness",
       {by.First(Https(), passes), by.Middle(24, passes), by.Middle(32, passes),
        by.Middle(40, passes), by.Last(32, passes)}},
      {"SecondFirstOverTheData",
       {by.First(Https(), passes), by.Of(0, true, Https() / Zeros(44), passes)}},
      {"WholeOverAllOfIt",
       {by.First(Https(), passes), by.Of(0, false, TcpOf(5, 24, wire::kSyn), "drop default"),
        by.Middle(32, passes)}},
  };
  if (by.family == Family::kIpv6) {
    // Extension headers behind the fragment header belong to what is fragmented.
    const Stack chain = Stack(wire::Extension{}) / wire::Extension{};
    const std::string esp = by.direction == kIn ? "drop default" : "pass rule esp-out";
    const std::string gre = by.direction == kIn ? "pass rule gre-in" : "pass reply gre-in";
    stories.push_back(
        {"InsideExtensionHeaders",
         {by.Of(0, true, chain / Https() / Zeros(4), passes), by.Middle(8, kMalformed),
          by.Middle(16, kMalformed), by.Middle(32, kMalformed), by.Middle(40, passes)}});
    stories.push_back({"InsideExtensionHeadersBeforeEsp",
                       {by.Of(0, true, chain / Zeros(16, protocol::kEsp), esp),
                        by.Middle(8, kMalformed), by.Middle(16, esp)}});
    stories.push_back({"InsideExtensionHeadersBeforeGre",
                       {by.Of(0, true, chain / Zeros(16, 47), gre), by.Middle(8, kMalformed),
                        by.Middle(16, gre)}});
  }
  return stories;
}

// Tiny firsts, and sizes at their bounds.
std::vector<Story> Sizes(const Sender& by) {
  const std::string passes = HttpsPasses(by.direction);
  const std::string media = by.direction == kIn ? "pass rule media-in" : "pass rule media-out";
  const Stack promising = wire::Udp{.destination_port = 50000, .length = 3000};
  std::vector<Story> stories;
  const auto row = [&](const char* name, const Step& step) { stories.push_back({name, {step}}); };
  row("NoByte", by.Of(0, true, Zeros(0, protocol::kTcp), kMalformed));
  row("PortsOnly", by.Of(0, true, Cut{8} / Https(), kMalformed));
  row("SixteenBytesOfTcp", by.Of(0, true, Cut{16} / Https(), kMalformed));
  row("LeastTcp", by.Of(0, true, Https() / Zeros(4), passes));
  row("TcpWithoutItsOptions",
      by.Of(
          0, true,
          Cut{24} / (wire::Tcp{.destination_port = 443, .flags = wire::kSyn, .options = Bytes(12)} /
                     Zeros(8)),
          kMalformed));
  row("LeastUdp", by.Of(0, true, promising, media));
  row("UdpThatPromisesLessThanItsHeader",
      by.Of(0, true, wire::Udp{.destination_port = 50000, .length = 7}, kMalformed));
  row("TinyUdp", by.Of(0, true, Zeros(0, protocol::kUdp), kMalformed));
  row("TinySctp", by.Of(0, true, Cut{8} / SctpOf(5, 9, kSctpInit), kMalformed));
  row("TinyIcmp", by.Of(0, true, Zeros(0, by.family == Family::kIpv4 ? 1 : 58), kMalformed));
  row("OddLengthWithMoreToCome", by.Of(0, true, Https() / Zeros(5), kMalformed));
  stories.push_back(
      {"LaterOfOddLengthWithMoreToCome",
       {by.First(Https(), passes), by.Of(32, true, Zeros(9, protocol::kTcp), kMalformed),
        by.Of(32, false, Zeros(9, protocol::kTcp), passes)}});
  stories.push_back(
      {"EndAtTheLargestDatagram",
       {by.First(Https(), passes), by.Of(65528, false, Zeros(7, protocol::kTcp), passes)}});
  stories.push_back(
      {"EndBeyondTheLargestDatagram",
       {by.First(Https(), passes), by.Of(65528, false, Zeros(8, protocol::kTcp), kMalformed),
        by.Of(64800, false, Zeros(1400, protocol::kTcp), kMalformed)}});
  stories.push_back(
      {"LaterWithoutAByte",
       {by.First(Https(), passes), by.Of(32, true, Zeros(0, protocol::kTcp), passes)}});
  return stories;
}

std::vector<Story> OnlyIpv6(Direction direction) {
  const Sender by = {Family::kIpv6, direction};
  const std::string passes = HttpsPasses(direction);
  const Stack second = wire::FragmentHeader{.identification = 78, .more = true};
  const Stack syn = Https();
  return {
      {"Atomic", {by.Of(0, false, syn, passes), by.Middle(32, kNoFirst)}},
      {"AtomicOfOddLength", {by.Of(0, false, syn / Zeros(3), passes)}},
      {"AtomicWithACutHeader", {by.Of(0, false, Cut{19} / syn, kMalformed)}},
      {"AtomicLeavesTheFirst",
       {by.First(TcpOf(5, 24, wire::kSyn), "drop default"), by.Of(0, false, syn, passes),
        by.Middle(32, "drop default")}},
      {"AtomicNeighbourSolicitation",
       {{.direction = direction,
         .packet = Ethernet{} /
                   [&] {
                     wire::Ipv6 ip = Ipv6Going(direction);
                     ip.hop_limit = 255;
                     return ip;
                   }() /
                   wire::FragmentHeader{} / wire::Icmpv6{.type = 135} / Zeros(16),
         .expected = "pass neighbour"}}},
      {"FragmentedNeighbourSolicitation",
       {{.direction = direction,
         .packet = Ethernet{} /
                   [&] {
                     wire::Ipv6 ip = Ipv6Going(direction);
                     ip.hop_limit = 255;
                     return ip;
                   }() /
                   wire::FragmentHeader{.more = true} / wire::Icmpv6{.type = 135} / Zeros(16),
         .expected = "drop default"}}},
      {"TwoFragmentHeaders", {by.Of(0, true, second / syn / Zeros(4), kMalformed)}},
      {"TwoAtomicHeaders", {by.Of(0, false, wire::FragmentHeader{} / syn, kMalformed)}},
      {"TwoWithOthersBetween", {by.Of(0, false, wire::Extension{} / second / syn, kMalformed)}},
      {"SecondInsideALaterOneIsItsContent",
       {by.First(syn, passes), by.Of(32, true, second / Zeros(8), passes)}},
      {"NextHeaderOfALaterOneDoesNotMatter",
       {by.First(syn, passes), by.Of(32, false, Zeros(8, protocol::kUdp), passes)}},
      {"WideIdentification",
       {by.First(syn, passes),
        Sender{Family::kIpv6, direction, 77 + 0x10000}.Middle(32, kNoFirst)}},
  };
}

std::vector<Story> OnlyIpv4(Direction direction) {
  const Sender by = {Family::kIpv4, direction};
  const std::string passes = HttpsPasses(direction);
  wire::Ipv4 with_options = Ipv4Going(direction);
  with_options.identification = 77;
  with_options.options = Bytes(8, 1);
  wire::Ipv4 first = with_options, later = with_options;
  first.more_fragments = true;
  later.fragment_offset = 32;
  wire::Ipv4 routed = later;
  routed.options = {131, 3, 4, 0};
  return {
      {"OtherProtocol",
       {by.First(Https(), passes), by.Of(32, true, Zeros(8, protocol::kUdp), kNoFirst)}},
      {"OptionsAreNoPayload",
       {{.direction = direction,
         .packet = Ethernet{} / first / Https() / Zeros(12),
         .expected = passes},
        {.direction = direction,
         .packet = Ethernet{} / later / Zeros(8, protocol::kTcp),
         .expected = passes},
        {.direction = direction,
         .packet = Ethernet{} / routed / Zeros(8, protocol::kTcp),
         .expected = kMalformed}}},
  };
}

class OddFragments : public OddPackets {
 protected:
  void ExpectEverywhere(std::vector<Story> (*stories)(const Sender&)) {
    for (const Family family : {Family::kIpv4, Family::kIpv6}) {
      for (const Direction direction : {kIn, kOut}) {
        SCOPED_TRACE(std::string(family == Family::kIpv4 ? "IPv4 " : "IPv6 ") +
                     ToString(direction));
        Expect(stories({family, direction}));
      }
    }
  }
};

TEST_F(OddFragments, InAndOutOfOrder) { ExpectEverywhere(Order); }
TEST_F(OddFragments, Overlapping) { ExpectEverywhere(Overlaps); }
TEST_F(OddFragments, TinyAndAtTheirBounds) { ExpectEverywhere(Sizes); }
TEST_F(OddFragments, OfIpv4) {
  for (const Direction direction : {kIn, kOut}) Expect(OnlyIpv4(direction));
}
TEST_F(OddFragments, OfIpv6) {
  for (const Direction direction : {kIn, kOut}) Expect(OnlyIpv6(direction));
}

}  // namespace
}  // namespace portmatrix
