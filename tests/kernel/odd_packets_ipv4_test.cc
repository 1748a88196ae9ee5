// SPDX-License-Identifier: Apache-2.0
// IPv4 headers: options, IHL, total length, trailing bytes, protocols without ports.
#include "tests/kernel/odd_packets.h"
#include "tests/support/edge_node.h"

namespace portmatrix {
namespace {

using wire::Bytes;
using wire::Ethernet;
using wire::Ipv4;
using wire::Stack;
using wire::Zeros;

constexpr const char* kMalformed = "drop malformed";

// A row whose header is the direction's with one thing changed; it passes as HTTPS or is malformed.
struct Header {
  const char* name;
  void (*change)(Ipv4& ip);
  bool passes;
  size_t trailing = 0;
};

template <uint8_t... bytes>
void Options(Ipv4& ip) {
  ip.options = {bytes...};
}
template <uint8_t words>
void Words(Ipv4& ip) {
  ip.header_words = words;
}
template <uint16_t bytes>
void Total(Ipv4& ip) {
  ip.total_length = bytes;
}

const Header kHeaders[] = {
    {"Plain", [](Ipv4&) {}, true},
    {"NothingAndEnd", Options<1, 1, 0, 0>, true},
    {"RecordRoute", Options<7, 7, 4, 0, 0, 0, 0, 0>, true},
    {"Timestamp", Options<68, 12, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0>, true},
    {"RouterAlert", Options<148, 4, 0, 0>, true},
    {"SecurityLabel", Options<130, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0>, true},
    {"UnknownOption", Options<30, 2, 30, 2>, true},
    {"FortyBytesOfNothing", [](Ipv4& ip) { ip.options = Bytes(40, 1); }, true},
    {"OptionOfFortyBytes",
     [](Ipv4& ip) {
       ip.options = Bytes(40);
       ip.options[0] = 7;
       ip.options[1] = 40;
     },
     true},
    {"OptionOfFortyOneBytes",
     [](Ipv4& ip) {
       ip.options = Bytes(40);
       ip.options[0] = 7;
       ip.options[1] = 41;
     },
     false},
    {"LooseSourceRoute", Options<131, 7, 4, 10, 0, 0, 1, 0>, false},
    {"StrictSourceRoute", Options<137, 7, 4, 10, 0, 0, 1, 0>, false},
    {"SourceRouteThatIsUsedUp", Options<131, 7, 8, 10, 0, 0, 1, 0>, false},
    {"SourceRouteBehindOthers", Options<1, 148, 4, 0, 0, 131, 3, 4>, false},
    {"SourceRouteInTheLastOfFortyBytes",
     [](Ipv4& ip) {
       ip.options = Bytes(40, 1);
       ip.options[39] = 137;
     },
     false},
    {"SourceRouteBehindTheEndIsPadding", Options<0, 131, 3, 4>, true},
    {"SourceRouteInsideAnOption", Options<68, 4, 131, 137>, true},
    {"OptionOfNoBytes", Options<68, 0, 0, 0>, false},
    {"OptionOfOneByte", Options<68, 1, 0, 0>, false},
    {"OptionBeyondTheHeader", Options<68, 5, 0, 0>, false},
    {"OptionWithoutALength", Options<1, 1, 1, 68>, false},
    {"HeaderOfNoWords", Words<0>, false},
    {"HeaderOfOneWord", Words<1>, false},
    {"HeaderOfFourWords", Words<4>, false},
    {"HeaderOfFifteenWordsInAPacketOfTen", Words<15>, false},
    {"HeaderUpToTheEndLeavesNoTcp", Words<10>, false},
    {"HeaderBeyondTotalLength",
     [](Ipv4& ip) {
       ip.header_words = 11;
       ip.total_length = 40;
     },
     false, 60},
    {"TotalLengthOfZero", Total<0>, false},
    {"TotalLengthBelowTheHeader", Total<19>, false},
    {"TotalLengthOfTheHeaderAlone", Total<20>, false},
    {"TotalLengthThatCutsTcp", Total<39>, false},
    {"TotalLengthOfOneTooMany", Total<41>, false},
    {"TotalLengthOfTheLargest", Total<65535>, false},
    {"OneTrailingByte", Total<40>, true, 1},
    {"TrailingBytesOfTheShortestFrame", Total<40>, true, 6},
    {"ManyTrailingBytes", Total<40>, true, 1400},
    {"TotalLengthTakesTrailingBytes", Total<100>, true, 60},
    {"VersionFive", [](Ipv4& ip) { ip.version = 5; }, false},
    {"VersionSix", [](Ipv4& ip) { ip.version = 6; }, false},
    {"VersionZero", [](Ipv4& ip) { ip.version = 0; }, false},
    {"ReservedFlag", [](Ipv4& ip) { ip.reserved_flag = true; }, true},
    {"DontFragment",
     [](Ipv4& ip) {
       ip.dont_fragment = true;
       ip.identification = 9;
     },
     true},
    {"HopLimitOfZero", [](Ipv4& ip) { ip.hop_limit = 0; }, true},
};

std::vector<Story> Headers(Direction direction) {
  std::vector<Row> rows;
  for (const Header& header : kHeaders) {
    Ipv4 ip = Ipv4Going(direction);
    header.change(ip);
    rows.push_back({header.name, direction, Ethernet{} / ip / Https() / Zeros(header.trailing),
                    header.passes ? HttpsPasses(direction) : kMalformed});
  }
  return Stories(rows);
}

std::vector<Story> Protocols() {
  std::vector<Row> rows;
  const auto row = [&](const char* name, const Stack& content, const char* in, const char* out) {
    for (const Direction direction : {Direction::kIn, Direction::kOut})
      rows.push_back({name, direction, Ethernet{} / Ipv4Going(direction) / content,
                      direction == Direction::kIn ? in : out});
  };
  // Answers are judged by protocol and addresses.
  row("Gre", Zeros(4, 47), "pass rule gre-in", "pass reply gre-in");
  row("GreWithoutAByte", Zeros(0, 47), "pass rule gre-in", "pass reply gre-in");
  row("Esp", Zeros(8, protocol::kEsp), "drop default", "pass rule esp-out");
  row("AuthenticationHeaderIsAProtocol", wire::Authentication{} / Https(), "drop default",
      "drop default");
  row("IpInIp", Ipv4Going(Direction::kIn) / Https(), "drop default", "drop default");
  row("Ipv6InIpv4", Ipv6Going(Direction::kIn) / Https(), "drop default", "drop default");
  row("HopByHopIsAProtocolOfIpv4", wire::Extension{.kind = 0} / Https(), "drop default",
      "drop default");
  row("FragmentHeaderIsAProtocolOfIpv4", wire::FragmentHeader{} / Https(), "drop default",
      "drop default");
  row("NoNextHeaderIsAProtocolOfIpv4", Zeros(8, protocol::kNoNextHeader), "drop default",
      "drop default");
  row("Protocol255", Zeros(8, 255), "drop default", "drop default");
  row("Icmpv6OverIpv4", wire::Icmpv6{}, kMalformed, kMalformed);
  return Stories(rows);
}

class OddIpv4 : public OddPackets {};

TEST_F(OddIpv4, HeadersReceived) { Expect(Headers(Direction::kIn)); }
TEST_F(OddIpv4, HeadersSent) { Expect(Headers(Direction::kOut)); }
TEST_F(OddIpv4, OtherProtocols) { Expect(Protocols()); }

// Every length of the frame below the whole: never more is read than is there.
TEST_F(OddIpv4, FramesCutAnywhereAreMalformed) {
  for (const Direction direction : {Direction::kIn, Direction::kOut}) {
    Ipv4 ip = Ipv4Going(direction);
    ip.options = Bytes(40, 1);
    const Bytes whole = Ethernet{} / ip / Https();
    for (size_t length = 14; length < whole.size(); ++length) {
      SCOPED_TRACE(std::to_string(length) + " bytes " + ToString(direction));
      ExpectQuickly(direction, Bytes(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(length)),
                    kMalformed);
    }
    ExpectQuickly(direction, whole, HttpsPasses(direction));
  }
  CompareCounters();
}

}  // namespace
}  // namespace portmatrix
