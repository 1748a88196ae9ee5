// SPDX-License-Identifier: Apache-2.0
// The packet builder against bytes and checksums worked out elsewhere.
#include "tests/support/packet_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <span>

namespace portmatrix::wire {
namespace {

using testing::ElementsAre;

// Zero where the checksum inside is right.
uint16_t Residue(const Bytes& bytes, size_t from, uint32_t sum = 0) {
  for (size_t i = from; i < bytes.size(); ++i) {
    sum += (i - from) % 2 == 0 ? static_cast<uint32_t>(bytes[i] << 8) : bytes[i];
  }
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

uint32_t PseudoHeader(const Bytes& packet, size_t first, size_t last, size_t length,
                      uint8_t protocol) {
  uint32_t sum = static_cast<uint32_t>(length) + protocol;
  for (size_t i = first; i < last; i += 2) {
    sum += static_cast<uint32_t>(packet[i] << 8 | packet[i + 1]);
  }
  return sum;
}

TEST(PacketBuilder, WritesTheTextbookIpv4Header) {
  // The worked example of the header checksum that most textbooks share.
  const Stack stack = Ipv4{.source = "192.168.0.1",
                           .destination = "192.168.0.199",
                           .hop_limit = 64,
                           .dont_fragment = true,
                           .protocol = 17,
                           .total_length = 0x73};
  EXPECT_THAT(stack.Build(), ElementsAre(0x45, 0, 0, 0x73, 0, 0, 0x40, 0, 0x40, 0x11, 0xb8, 0x61,
                                         0xc0, 0xa8, 0, 1, 0xc0, 0xa8, 0, 0xc7));
}

TEST(PacketBuilder, NamesAndMeasuresWhatFollows) {
  const Bytes bytes = Ethernet{} / Vlan{.id = 0x123, .priority = 5} / Ipv6{} /
                      Extension{.kind = protocol::kHopByHop} / Udp{} / Zeros(3);
  EXPECT_EQ(bytes.size(), 14u + 4 + 40 + 8 + 8 + 3);
  EXPECT_THAT(std::vector(bytes.begin() + 12, bytes.begin() + 18),
              ElementsAre(0x81, 0, 0xa1, 0x23, 0x86, 0xdd));
  EXPECT_THAT(std::vector(bytes.begin() + 22, bytes.begin() + 26), ElementsAre(0, 19, 0, 64));
  EXPECT_THAT(std::vector(bytes.begin() + 58, bytes.begin() + 60), ElementsAre(17, 0));
  EXPECT_EQ(bytes[66 + 5], 11);
}

TEST(PacketBuilder, OverriddenFieldsStayAsWritten) {
  const Bytes bytes =
      Ipv4{.protocol = 99, .version = 7, .header_words = 3, .total_length = 9} / Udp{.length = 1};
  EXPECT_EQ(bytes[0], 0x73);
  EXPECT_EQ(bytes[3], 9);
  EXPECT_EQ(bytes[9], 99);
  EXPECT_EQ(bytes[25], 1);
}

TEST(PacketBuilder, ChecksumsAreRightOverIpv4) {
  const Ipv4 ip = {.source = "198.51.100.7", .destination = "203.0.113.11", .options = {1, 1, 1}};
  for (const Stack& transport : {Stack(Tcp{.options = {1}}), Stack(Udp{})}) {
    const Bytes bytes = ip / transport / Payload{.bytes = {1, 2, 3}};
    EXPECT_EQ(Residue(Bytes(bytes.begin(), bytes.begin() + 24), 0), 0);
    EXPECT_EQ(Residue(bytes, 24, PseudoHeader(bytes, 12, 20, bytes.size() - 24, bytes[9])), 0);
  }
  EXPECT_EQ(Residue(ip / Icmp{.identifier = 77} / Payload{.bytes = {9}}, 24), 0);
}

TEST(PacketBuilder, ChecksumsAreRightOverIpv6) {
  const Ipv6 ip = {.source = "2001:db8::7", .destination = "2001:db8:1::b"};
  for (const Stack& transport : {Stack(Tcp{}), Stack(Udp{}), Stack(Icmpv6{.sequence = 5})}) {
    const Bytes bytes = ip / transport / Payload{.bytes = {1, 2, 3}};
    EXPECT_EQ(Residue(bytes, 40, PseudoHeader(bytes, 8, 40, bytes.size() - 40, bytes[6])), 0);
  }
}

TEST(PacketBuilder, SctpChecksumIsCrc32c) {
  // CRC32c of 12 bytes 00 09 00 09, then zeros, least significant byte first.
  const Bytes bytes = Stack(Sctp{.source_port = 9, .destination_port = 9}).Build();
  uint32_t crc = ~0u;
  for (const unsigned byte : {0u, 9u, 0u, 9u, 0u, 0u, 0u, 0u, 0u, 0u, 0u, 0u}) {
    for (int bit = 0; bit < 8; ++bit) {
      const bool odd = ((crc ^ byte >> bit) & 1) != 0;
      crc = crc >> 1 ^ (odd ? 0x82f63b78u : 0u);
    }
  }
  crc = ~crc;
  EXPECT_THAT(std::vector(bytes.begin() + 8, bytes.end()),
              ElementsAre(crc & 0xff, crc >> 8 & 0xff, crc >> 16 & 0xff, crc >> 24));
}

TEST(PacketBuilder, CutKeepsTheNameOfWhatItCuts) {
  const Bytes bytes = Ipv4{} / (Cut{8} / Tcp{});
  EXPECT_EQ(bytes.size(), 28u);
  EXPECT_EQ(bytes[9], protocol::kTcp);
}

TEST(PacketBuilder, EmbeddedPacketHasItsOwnLengths) {
  const Bytes bytes = Ipv4{} / Icmp{.type = 3} / Ipv4{} / Udp{} / Zeros(4);
  EXPECT_EQ(bytes[3], 20 + 8 + 20 + 8 + 4);
  EXPECT_EQ(bytes[28 + 3], 20 + 8 + 4);
  EXPECT_EQ(bytes[28 + 9], protocol::kUdp);
}

TEST(PacketBuilder, RefusesWhatIsNoAddress) {
  EXPECT_THROW(Ip("203.0.113.256"), std::invalid_argument);
}

}  // namespace
}  // namespace portmatrix::wire
