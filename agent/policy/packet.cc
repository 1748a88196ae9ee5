// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/packet.h"

#include "agent/policy/byte_reader.h"
#include "agent/policy/network_header.h"
#include "agent/policy/protocol.h"
#include "agent/policy/tuple.h"

namespace portmatrix {
namespace {

constexpr size_t kTcpHeaderBytes = 20;
constexpr size_t kUdpHeaderBytes = 8;
constexpr size_t kSctpHeaderBytes = 12;
constexpr size_t kIcmpHeaderBytes = 8;
constexpr size_t kServiceBytes = 8;  // what SetService reads
constexpr uint8_t kSctpInit = 1;

bool IsIcmpOfOtherFamily(Family family, uint8_t number) {
  return number == (family == Family::kIpv4 ? protocol::kIcmpv6 : protocol::kIcmp);
}

bool IsErrorType(Family family, uint8_t type) {
  if (family == Family::kIpv6) {
    return type >= icmpv6::kDestinationUnreachable && type <= icmpv6::kParameterProblem;
  }
  return type == icmp::kDestinationUnreachable || type == icmp::kTimeExceeded ||
         type == icmp::kParameterProblem;
}

// Bytes of the TCP header; nothing if it is cut or its data offset is out of bounds.
std::optional<size_t> ReadTcp(std::span<const uint8_t> bytes, pm_packet& packet) {
  ByteReader reader(bytes);
  reader.Skip(12);  // ports, sequence and acknowledgment numbers
  const size_t header_bytes = (reader.U8() >> 4) * size_t{4};
  packet.tcp_flags = reader.U8();
  if (header_bytes < kTcpHeaderBytes || header_bytes > bytes.size()) return std::nullopt;
  packet.opening = (packet.tcp_flags & PM_TCP_SYN) && !(packet.tcp_flags & PM_TCP_ACK);
  return header_bytes;
}

std::optional<size_t> ReadUdp(std::span<const uint8_t> bytes, const pm_packet& packet,
                              Extent extent) {
  ByteReader reader(bytes);
  reader.Skip(4);  // ports
  const uint16_t length = reader.U16();
  reader.Skip(2);  // checksum
  if (reader.failed()) return std::nullopt;
  if (extent == Extent::kByLengthField) {
    if (length < kUdpHeaderBytes) return std::nullopt;
    if (packet.fragment != PM_FIRST && length > bytes.size()) return std::nullopt;
  }
  return kUdpHeaderBytes;
}

std::optional<size_t> ReadSctp(std::span<const uint8_t> bytes, pm_packet& packet) {
  if (bytes.size() < kSctpHeaderBytes) return std::nullopt;
  packet.opening = bytes.size() > kSctpHeaderBytes && bytes[kSctpHeaderBytes] == kSctpInit;
  return kSctpHeaderBytes;
}

std::optional<size_t> ReadIcmp(Family family, std::span<const uint8_t> bytes, pm_packet& packet) {
  if (bytes.size() < kIcmpHeaderBytes) return std::nullopt;
  packet.icmp_error = IsErrorType(family, bytes[0]);
  if (packet.icmp_error) {
    packet.embedded = DecodeEmbedded(family, bytes.subspan(kIcmpHeaderBytes)).value_or(pm_tuple{});
  }
  return kIcmpHeaderBytes;
}

// Reads the transport header of a whole packet or first fragment and returns its length, zero for
// protocols that have none.
std::optional<size_t> ReadTransport(const NetworkHeader& network, Family family, Extent extent,
                                    pm_packet& packet) {
  if (IsIcmpOfOtherFamily(family, network.protocol)) return std::nullopt;
  switch (network.protocol) {
    case protocol::kTcp:
      return ReadTcp(network.transport, packet);
    case protocol::kUdp:
      return ReadUdp(network.transport, packet, extent);
    case protocol::kSctp:
      return ReadSctp(network.transport, packet);
    case protocol::kIcmp:
    case protocol::kIcmpv6:
      return ReadIcmp(family, network.transport, packet);
    default:
      return 0;
  }
}

}  // namespace

std::optional<pm_packet> DecodePacket(Family family, std::span<const uint8_t> bytes,
                                      bool segmented) {
  const Extent extent = segmented ? Extent::kByBuffer : Extent::kByLengthField;
  const std::optional<NetworkHeader> network =
      family == Family::kIpv4 ? DecodeIpv4(bytes, extent) : DecodeIpv6(bytes, extent);
  if (!network) return std::nullopt;

  pm_packet packet{};
  packet.tuple = MakeTuple(network->source, network->destination, network->protocol);
  packet.hop_limit = network->hop_limit;
  packet.fragment = static_cast<uint8_t>(network->fragment);
  packet.identification = network->identification;
  packet.fragment_offset = network->fragment_offset;
  if (network->fragment == PM_LATER) return packet;

  const std::optional<size_t> header_bytes = ReadTransport(*network, family, extent, packet);
  if (!header_bytes) return std::nullopt;
  packet.header_end = static_cast<uint32_t>(network->transport_offset + *header_bytes);
  if (*header_bytes == 0) return packet;
  SetService(packet.tuple, network->transport.first<kServiceBytes>());
  if (IsEchoRequest(packet.tuple)) packet.opening = 1;
  return packet;
}

std::optional<pm_tuple> DecodeEmbedded(Family family, std::span<const uint8_t> bytes) {
  const std::optional<NetworkHeader> network =
      family == Family::kIpv4 ? DecodeEmbeddedIpv4(bytes) : DecodeEmbeddedIpv6(bytes);
  if (!network || network->fragment == PM_LATER) return std::nullopt;
  if (network->transport.size() < kServiceBytes) return std::nullopt;
  if (IsIcmpOfOtherFamily(family, network->protocol)) return std::nullopt;

  pm_tuple tuple = MakeTuple(network->source, network->destination, network->protocol);
  SetService(tuple, network->transport.first<kServiceBytes>());
  if (IsIcmp(tuple) && !IsEcho(tuple)) return std::nullopt;
  return tuple;
}

}  // namespace portmatrix
