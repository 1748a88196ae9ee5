// SPDX-License-Identifier: Apache-2.0
// TCP with short headers and every combination of flags; UDP whose length does not fit; SCTP; ports
// and checksums that are not looked at.
#include <algorithm>

#include "tests/kernel/odd_packets.h"
#include "tests/support/edge_node.h"

namespace portmatrix {
namespace {

using wire::Bytes;
using wire::Cut;
using wire::Sctp;
using wire::Stack;
using wire::Tcp;
using wire::Udp;
using wire::Zeros;

constexpr Direction kIn = Direction::kIn;
constexpr Direction kOut = Direction::kOut;
constexpr const char* kMalformed = "drop malformed";
constexpr const char* kDefault = "drop default";
constexpr Family kFamilies[] = {Family::kIpv4, Family::kIpv6};

Bytes Frame(Family family, Direction direction, const Stack& transport) {
  return direction == kIn ? In(family, transport) : Out(family, transport);
}

bool IsOpening(int flags) { return (flags & wire::kSyn) && !(flags & wire::kAck); }

class OddTransport : public OddPackets {
 protected:
  void ExpectBoth(const char* name, const Stack& transport, const std::string& in,
                  const std::string& out) {
    for (const Family family : kFamilies) {
      for (const Direction direction : {kIn, kOut}) {
        SCOPED_TRACE(std::string(name) + " " + ToString(direction));
        WaitHours();
        Expect({.direction = direction,
                .packet = direction == kIn ? In(family, transport) : Out(family, transport),
                .expected = direction == kIn ? in : out});
      }
    }
  }
  void ExpectOne(const char* what, int flags, Family family, Direction direction,
                 const Stack& transport, const std::string& expected) {
    SCOPED_TRACE(std::string(what) + ", flags " + std::to_string(flags) + " " +
                 ToString(direction));
    ASSERT_NO_FATAL_FAILURE(
        ExpectQuickly(direction, Frame(family, direction, transport), expected));
  }
};

TEST_F(OddTransport, TcpFlagsThatARuleAllows) {
  for (const Family family : kFamilies) {
    for (int flags = 0; flags < 256; ++flags) {
      WaitHours();
      for (const Direction direction : {kIn, kOut})
        ASSERT_NO_FATAL_FAILURE(ExpectOne("to the rule's port", flags, family, direction,
                                          TcpOf(5, 443, static_cast<uint8_t>(flags)),
                                          HttpsPasses(direction)));
    }
  }
  CompareCounters();
}

TEST_F(OddTransport, TcpFlagsThatNoRuleAllows) {
  for (const Family family : kFamilies) {
    for (int flags = 0; flags < 256; ++flags) {
      WaitHours();
      const auto byte = static_cast<uint8_t>(flags);
      ASSERT_NO_FATAL_FAILURE(
          ExpectOne("to a closed port", flags, family, kIn, TcpOf(5, 24, byte), kDefault));
      ASSERT_NO_FATAL_FAILURE(ExpectOne("to a denied port", flags, family, kIn, TcpOf(5, 23, byte),
                                        "drop rule no-telnet"));
      ASSERT_NO_FATAL_FAILURE(ExpectOne("to a denied port", flags, family, kOut, TcpOf(5, 25, byte),
                                        "drop rule no-smtp"));
      ASSERT_NO_FATAL_FAILURE(
          ExpectOne("an answer to nothing", flags, family, kIn, TcpOf(443, 5, byte), kDefault));
    }
  }
  CompareCounters();
}

// An answer of a service needs no state; an opening packet is never an answer.
TEST_F(OddTransport, TcpFlagsOfAServicesAnswer) {
  for (const Family family : kFamilies) {
    for (int flags = 0; flags < 256; ++flags) {
      WaitHours();
      ASSERT_NO_FATAL_FAILURE(ExpectOne("an answer", flags, family, kOut,
                                        TcpOf(443, 5, static_cast<uint8_t>(flags)),
                                        IsOpening(flags) ? kDefault : "pass reply web"));
    }
  }
  CompareCounters();
}

TEST_F(OddTransport, TcpFlagsOfAnAnswerInAConversation) {
  for (const Family family : kFamilies) {
    for (int flags = 0; flags < 256; ++flags) {
      WaitHours();
      ASSERT_NO_FATAL_FAILURE(ExpectOne("opens", flags, family, kOut, TcpOf(5, 443, wire::kSyn),
                                        "pass rule https-out"));
      ASSERT_NO_FATAL_FAILURE(ExpectOne("answers", flags, family, kIn,
                                        TcpOf(443, 5, static_cast<uint8_t>(flags)),
                                        IsOpening(flags) ? kDefault : "pass reply https-out"));
    }
  }
  CompareCounters();
}

// Which packets make a conversation: all but SYN+ACK and RST.
TEST_F(OddTransport, TcpFlagsThatMakeAConversation) {
  for (const Family family : kFamilies) {
    for (int flags = 0; flags < 256; ++flags) {
      WaitHours();
      ASSERT_NO_FATAL_FAILURE(ExpectOne("out", flags, family, kOut,
                                        TcpOf(5, 443, static_cast<uint8_t>(flags)),
                                        "pass rule https-out"));
      const bool makes = !(flags & wire::kRst) && (flags & kSynAck) != kSynAck;
      ASSERT_NO_FATAL_FAILURE(ExpectOne("the answer", flags, family, kIn, TcpOf(443, 5, wire::kAck),
                                        makes ? "pass reply https-out" : kDefault));
    }
  }
  CompareCounters();
}

TEST_F(OddTransport, TcpHeaders) {
  const std::string in = HttpsPasses(kIn), out = HttpsPasses(kOut);
  for (size_t bytes = 0; bytes < 20; ++bytes) {
    SCOPED_TRACE(std::to_string(bytes) + " bytes of TCP");
    ExpectBoth("cut", Cut{bytes} / Https(), kMalformed, kMalformed);
  }
  for (uint8_t words = 0; words < 16; ++words) {
    SCOPED_TRACE(std::to_string(words) + " words of TCP header");
    const Tcp tcp = {.destination_port = 443, .flags = wire::kSyn, .header_words = words};
    const bool in_bounds = words >= 5;
    ExpectBoth("in bounds", tcp / Zeros(40), in_bounds ? in : kMalformed,
               in_bounds ? out : kMalformed);
    const bool at_end = words == 5;
    ExpectBoth("without bytes behind", tcp, at_end ? in : kMalformed, at_end ? out : kMalformed);
  }
  const Tcp longest = {.destination_port = 443, .flags = wire::kSyn, .header_words = 15};
  ExpectBoth("longest header up to the end", longest / Zeros(40), in, out);
  ExpectBoth("longest header beyond the end", longest / Zeros(39), kMalformed, kMalformed);
  ExpectBoth("odd options",
             Tcp{.destination_port = 443, .flags = wire::kSyn, .options = {2, 0, 255, 255}}, in,
             out);
}

TEST_F(OddTransport, UdpLengths) {
  const std::string in = "pass rule media-in", out = "pass rule media-out";
  const auto udp = [](std::optional<uint16_t> length) {
    return Udp{.destination_port = 50000, .length = length};
  };
  for (size_t bytes = 0; bytes < 8; ++bytes)
    ExpectBoth("cut", Cut{bytes} / Stack(udp({})), kMalformed, kMalformed);
  for (uint16_t length = 0; length < 8; ++length)
    ExpectBoth("length below the header", udp(length) / Zeros(40), kMalformed, kMalformed);
  ExpectBoth("length of the header alone", udp(8), in, out);
  ExpectBoth("length of less than the payload", udp(8) / Zeros(40), in, out);
  ExpectBoth("length of one less", udp(47) / Zeros(40), in, out);
  ExpectBoth("length of all", udp(48) / Zeros(40), in, out);
  ExpectBoth("length of one more", udp(49) / Zeros(40), kMalformed, kMalformed);
  ExpectBoth("length of the largest", udp(65535) / Zeros(40), kMalformed, kMalformed);
}

TEST_F(OddTransport, UdpLengthIsHeldAgainstThePacketNotTheFrame) {
  wire::Ipv4 ip = Ipv4Going(kIn);
  ip.total_length = 28;
  Expect({.packet = wire::Ethernet{} / ip / Udp{.destination_port = 50000, .length = 9} / Zeros(9),
          .expected = kMalformed});
  Expect({.packet = wire::Ethernet{} / ip / Udp{.destination_port = 50000, .length = 8} / Zeros(9),
          .expected = "pass rule media-in"});
}

TEST_F(OddTransport, SctpChunks) {
  for (const Family family : kFamilies) {
    for (int chunk = 0; chunk < 256; ++chunk) {
      SCOPED_TRACE("chunk " + std::to_string(chunk));
      WaitHours();
      const auto type = static_cast<uint8_t>(chunk);
      const bool opening = type == kSctpInit;
      // Allowed by rules of the direction, whatever the chunk.
      ExpectQuickly(kIn, Frame(family, kIn, SctpOf(5, 9, type)), "pass rule init-in");
      ExpectQuickly(kOut, Frame(family, kOut, SctpOf(5, 7, type)), "pass rule sctp-out");
      // Answers: an INIT is none.
      ExpectQuickly(kOut, Frame(family, kOut, SctpOf(9, 5, type)),
                    opening ? kDefault : "pass reply init-in");
      ExpectQuickly(kIn, Frame(family, kIn, SctpOf(7, 5, type)),
                    opening ? kDefault : "pass reply sctp-out");
      ExpectQuickly(kIn, Frame(family, kIn, SctpOf(7, 6, type)), kDefault);
    }
  }
  CompareCounters();
}

TEST_F(OddTransport, SctpHeaders) {
  for (size_t bytes = 0; bytes < 12; ++bytes)
    ExpectBoth("cut", Cut{bytes} / SctpOf(5, 9, kSctpInit), kMalformed, kMalformed);
  ExpectBoth("without a chunk", Sctp{.source_port = 5, .destination_port = 9}, "pass rule init-in",
             kDefault);
  ExpectBoth("one byte of a chunk", Cut{13} / SctpOf(5, 9, kSctpInit), "pass rule init-in",
             kDefault);
  // Without a chunk it opens nothing, and so it may be an answer.
  ExpectBoth("answer without a chunk", Sctp{.source_port = 9, .destination_port = 5}, kDefault,
             "pass reply init-in");
  ExpectBoth("answer that is the first byte of an INIT", Cut{13} / SctpOf(9, 5, kSctpInit),
             kDefault, kDefault);
}

// The ninth flag (of accurate ECN) and the three bits that nobody uses yet open and close nothing.
TEST_F(OddTransport, TcpBitsBesideTheDataOffset) {
  for (const Family family : kFamilies) {
    const size_t at = (family == Family::kIpv4 ? 14 + 20 : 14 + 40) + 12;
    for (uint8_t bits = 0; bits < 16; ++bits) {
      SCOPED_TRACE("bits " + std::to_string(bits));
      const auto expect = [&](Direction direction, const Stack& tcp, const std::string& expected) {
        Bytes bytes = Frame(family, direction, tcp);
        bytes[at] |= bits;
        ExpectQuickly(direction, bytes, expected);
      };
      WaitHours();
      for (const Direction direction : {kIn, kOut})
        expect(direction, Https(), HttpsPasses(direction));
      expect(kOut, TcpOf(443, 5, kSynAck), "pass reply web");
      expect(kOut, TcpOf(443, 5, wire::kSyn), kDefault);
      expect(kIn, TcpOf(443, 49152, kSynAck), "pass reply https-out");
      expect(kIn, TcpOf(443, 49152, wire::kSyn), kDefault);
      expect(kIn, TcpOf(443, 5, kSynAck), kDefault);
    }
  }
  CompareCounters();
}

TEST_F(OddTransport, WhatIsNotLookedAt) {
  const std::string in = HttpsPasses(kIn), out = HttpsPasses(kOut);
  ExpectBoth("source port 0", TcpOf(0, 443, wire::kSyn), in, out);
  ExpectBoth("port 0", TcpOf(5, 0, wire::kSyn), kDefault, kDefault);
  ExpectBoth("both ports 0", UdpOf(0, 0), kDefault, kDefault);
  for (const Family family : kFamilies) {
    for (const Direction direction : {kIn, kOut}) {
      Bytes bytes = Frame(family, direction, Https());
      std::fill_n(bytes.begin(), 12, uint8_t{0xff});  // Ethernet's addresses: broadcast
      ExpectQuickly(direction, bytes, HttpsPasses(direction));
      bytes[bytes.size() - 4] ^= 0xff;  // TCP's checksum
      ExpectQuickly(direction, bytes, HttpsPasses(direction));
      if (family == Family::kIpv4) bytes[14 + 10] ^= 0xff;
      ExpectQuickly(direction, bytes, HttpsPasses(direction));
      Bytes without = Frame(family, direction, UdpOf(5, 50000));
      without[without.size() - 2] = without[without.size() - 1] = 0;
      ExpectQuickly(direction, without,
                    direction == kIn ? "pass rule media-in" : "pass rule media-out");
    }
  }
  CompareCounters();
}

}  // namespace
}  // namespace portmatrix
