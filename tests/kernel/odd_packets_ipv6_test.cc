// SPDX-License-Identifier: Apache-2.0
// IPv6 headers: extension headers in every order up to the limit and over it, AH, ESP, no next
// header, routing headers, jumbograms, trailing bytes.
#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>

#include "tests/kernel/odd_packets.h"
#include "tests/support/edge_node.h"

namespace portmatrix {
namespace {

using wire::Bytes;
using wire::Ethernet;
using wire::Extension;
using wire::FragmentHeader;
using wire::Ipv6;
using wire::Routing;
using wire::Stack;
using wire::Zeros;

constexpr Direction kIn = Direction::kIn;
constexpr Direction kOut = Direction::kOut;
constexpr const char* kMalformed = "drop malformed";
constexpr size_t kMostExtensions = 8;

constexpr std::array<uint8_t, 8> kKinds = {0,
                                           protocol::kRouting,
                                           protocol::kFragment,
                                           protocol::kAuthentication,
                                           protocol::kDestinationOptions,
                                           protocol::kMobility,
                                           protocol::kHostIdentity,
                                           protocol::kShim6};

Stack HeaderOf(uint8_t kind) {
  switch (kind) {
    case protocol::kRouting:
      return Routing{};
    case protocol::kFragment:
      return FragmentHeader{.identification = 7};  // atomic
    case protocol::kAuthentication:
      return wire::Authentication{};
    default:
      return Extension{.kind = kind};
  }
}

Bytes Packet(Direction direction, const std::vector<uint8_t>& kinds, const Stack& end) {
  Stack packet = Ethernet{} / Ipv6Going(direction);
  for (const uint8_t kind : kinds) packet.Add(HeaderOf(kind));
  return packet / end;
}

std::string TextOf(const std::vector<uint8_t>& kinds) {
  std::string text = "extension headers";
  for (const uint8_t kind : kinds) text += " " + std::to_string(kind);
  return text;
}

std::string Expected(Direction direction, const std::vector<uint8_t>& kinds) {
  const bool good =
      kinds.size() <= kMostExtensions && std::ranges::count(kinds, protocol::kFragment) <= 1;
  return good ? HttpsPasses(direction) : kMalformed;
}

class OddIpv6 : public OddPackets {
 protected:
  void ExpectChain(const std::vector<uint8_t>& kinds) {
    for (const Direction direction : {kIn, kOut}) {
      SCOPED_TRACE(TextOf(kinds) + " " + ToString(direction));
      ASSERT_NO_FATAL_FAILURE(
          ExpectQuickly(direction, Packet(direction, kinds, Https()), Expected(direction, kinds)));
    }
  }
};

TEST_F(OddIpv6, UpToFiveExtensionHeadersOfEveryKindInEveryOrder) {
  constexpr size_t kMost = 5;
  std::vector<uint8_t> kinds;
  const std::function<void()> expect_all = [&] {
    ASSERT_NO_FATAL_FAILURE(ExpectChain(kinds));
    if (kinds.size() == kMost) return;
    for (const uint8_t kind : kKinds) {
      kinds.push_back(kind);
      ASSERT_NO_FATAL_FAILURE(expect_all());
      kinds.pop_back();
    }
  };
  ASSERT_NO_FATAL_FAILURE(expect_all());
  CompareCounters();
}

TEST_F(OddIpv6, EveryKindOnceInEveryOrder) {
  std::vector<uint8_t> kinds(kKinds.begin(), kKinds.end());
  std::ranges::sort(kinds);
  do {
    ASSERT_NO_FATAL_FAILURE(ExpectChain(kinds));
  } while (std::ranges::next_permutation(kinds).found);
  CompareCounters();
}

TEST_F(OddIpv6, EveryNumberOfEveryKind) {
  for (const uint8_t kind : kKinds)
    for (size_t count = 1; count <= kMostExtensions + 2; ++count)
      ASSERT_NO_FATAL_FAILURE(ExpectChain(std::vector<uint8_t>(count, kind)));
  CompareCounters();
}

// A ninth of any kind, first, last or between.
TEST_F(OddIpv6, NinthHeaderOfAnyKindAnywhereIsMalformed) {
  for (const uint8_t kind : kKinds) {
    for (size_t at = 0; at <= kMostExtensions; ++at) {
      std::vector<uint8_t> kinds(kMostExtensions, protocol::kDestinationOptions);
      kinds.insert(kinds.begin() + static_cast<ptrdiff_t>(at), kind);
      ASSERT_NO_FATAL_FAILURE(ExpectChain(kinds));
    }
  }
  CompareCounters();
}

std::vector<Story> Headers() {
  const Stack options = Extension{};
  std::vector<Row> rows;
  const auto row = [&](const char* name, const std::function<Stack(Direction)>& packet,
                       const char* in, const char* out) {
    for (const Direction direction : {kIn, kOut})
      rows.push_back(
          {name, direction, Ethernet{} / packet(direction), direction == kIn ? in : out});
  };
  const auto behind_header = [&](const char* name, const Stack& content, const char* in,
                                 const char* out) {
    row(
        name, [&](Direction direction) { return Ipv6Going(direction) / content; }, in, out);
  };
  const auto with_length = [&](const char* name, uint16_t length, const Stack& content,
                               const char* in, const char* out) {
    row(
        name,
        [&](Direction direction) {
          Ipv6 ip = Ipv6Going(direction);
          ip.payload_length = length;
          return ip / content;
        },
        in, out);
  };
  const char* const kWeb = "pass rule web";
  const char* const kHttpsOut = "pass rule https-out";
  Stack eight;
  for (size_t i = 0; i < kMostExtensions; ++i) eight.Add(options);

  // What ends the chain.
  behind_header("Esp", Zeros(8, protocol::kEsp), "drop default", "pass rule esp-out");
  behind_header("EspBehindEight", eight / Zeros(8, protocol::kEsp), "drop default",
                "pass rule esp-out");
  behind_header("EspHidesWhatFollows", Stack(Zeros(8, protocol::kEsp)) / Https(), "drop default",
                "pass rule esp-out");
  behind_header("NoNextHeader", Zeros(0, protocol::kNoNextHeader), "drop default", "drop default");
  behind_header("NoNextHeaderWithBytes", Zeros(40, protocol::kNoNextHeader), "drop default",
                "drop default");
  behind_header("NoNextHeaderBehindEight", eight / Zeros(0, protocol::kNoNextHeader),
                "drop default", "drop default");
  behind_header("Gre", Zeros(4, 47), "pass rule gre-in", "pass reply gre-in");
  behind_header("Ipv6InIpv6", Ipv6Going(kIn) / Https(), "drop default", "drop default");
  behind_header("IcmpOverIpv6", wire::Icmp{}, kMalformed, kMalformed);
  behind_header("UnknownProtocol", Zeros(40, 253), "drop default", "drop default");

  // AH counts its length in words of four.
  behind_header("ShortestAuthentication", wire::Authentication{.icv_bytes = 0} / Https(), kWeb,
                kHttpsOut);
  behind_header("AuthenticationOfOddWords", wire::Authentication{.icv_bytes = 4} / Https(), kWeb,
                kHttpsOut);
  behind_header("LongAuthentication", wire::Authentication{.icv_bytes = 1016} / Https(), kWeb,
                kHttpsOut);
  behind_header("AuthenticationBeyondTheEnd", wire::Authentication{.length = 200} / Https(),
                kMalformed, kMalformed);
  behind_header("AuthenticationAndEsp", wire::Authentication{} / Zeros(8, protocol::kEsp),
                "drop default", "pass rule esp-out");

  // Routing headers.
  for (const uint8_t type : {uint8_t{1}, uint8_t{2}, uint8_t{3}, uint8_t{4}, uint8_t{253}}) {
    behind_header("RoutingAtItsEnd", Routing{.type = type} / Https(), kWeb, kHttpsOut);
    behind_header("RoutingWithSegmentsLeft", Routing{.type = type, .segments_left = 1} / Https(),
                  kMalformed, kMalformed);
  }
  behind_header("RoutingOfTypeZero", Routing{.type = 0} / Https(), kMalformed, kMalformed);
  behind_header("RoutingOfTypeZeroBehindAnother", Routing{} / Routing{.type = 0} / Https(),
                kMalformed, kMalformed);
  behind_header("RoutingOfTypeZeroBehindEsp",
                Stack(Zeros(8, protocol::kEsp)) / Routing{.type = 0} / Https(), "drop default",
                "pass rule esp-out");

  // Lengths of extension headers.
  behind_header("LongestExtension", Extension{.content = Bytes(2046)} / Https(), kWeb, kHttpsOut);
  behind_header("ExtensionThatLeavesNoTcp", Extension{.length = 2} / Https(), kMalformed,
                kMalformed);
  behind_header("ExtensionBeyondTheEnd", Extension{.length = 255} / Https(), kMalformed,
                kMalformed);
  behind_header("ExtensionUpToTheEndBeforeEsp", Extension{.next_header = protocol::kEsp},
                "drop default", "pass rule esp-out");
  behind_header("FragmentHeaderCut", Zeros(7, protocol::kFragment), kMalformed, kMalformed);
  behind_header("ExtensionMissing", Zeros(0, protocol::kDestinationOptions), kMalformed,
                kMalformed);

  // Payload length; a jumbogram's is zero, so that its headers lie beyond its end.
  const Stack jumbo =
      Extension{.kind = 0, .content = {0xc2, 4, 0, 1, 0, 0}} / Https() / Zeros(1000);
  with_length("Jumbogram", 0, jumbo, kMalformed, kMalformed);
  behind_header("JumboOptionWithALengthIsAnOption", jumbo, kWeb, kHttpsOut);
  with_length("NoPayload", 0, Https(), kMalformed, kMalformed);
  with_length("NoPayloadAndNoNextHeader", 0, Zeros(20, protocol::kNoNextHeader), "drop default",
              "drop default");
  with_length("LengthThatCutsTcp", 19, Https(), kMalformed, kMalformed);
  with_length("LengthOfOneTooMany", 21, Https(), kMalformed, kMalformed);
  with_length("LengthOfTheLargest", 65535, Https(), kMalformed, kMalformed);
  with_length("TrailingBytes", 20, Https() / Zeros(9), kWeb, kHttpsOut);
  with_length("ExtensionInTrailingBytes", 8, options / Https(), kMalformed, kMalformed);
  row(
      "VersionFour",
      [](Direction direction) {
        Ipv6 ip = Ipv6Going(direction);
        ip.version = 4;
        return ip / Https();
      },
      kMalformed, kMalformed);
  return Stories(rows);
}

TEST_F(OddIpv6, HeadersInBothDirections) { Expect(Headers()); }

// Every length of the frame below the whole: never more is read than is there.
TEST_F(OddIpv6, FramesCutAnywhereAreMalformed) {
  const std::vector<uint8_t> kinds(kKinds.begin(), kKinds.end());
  for (const Direction direction : {kIn, kOut}) {
    const Bytes whole = Packet(direction, kinds, Https());
    for (size_t length = 14; length < whole.size(); ++length) {
      SCOPED_TRACE(std::to_string(length) + " bytes " + ToString(direction));
      ASSERT_NO_FATAL_FAILURE(ExpectQuickly(
          direction, Bytes(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(length)),
          kMalformed));
    }
    // The same with a payload length that fits: what is missing is a header.
    for (size_t length = 54; length < whole.size(); ++length) {
      SCOPED_TRACE(std::to_string(length) + " bytes of payload " + ToString(direction));
      Bytes cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(length));
      cut[18] = static_cast<uint8_t>((length - 54) >> 8);
      cut[19] = static_cast<uint8_t>(length - 54);
      ASSERT_NO_FATAL_FAILURE(ExpectQuickly(direction, cut, kMalformed));
    }
  }
  CompareCounters();
}

}  // namespace
}  // namespace portmatrix
