// SPDX-License-Identifier: Apache-2.0
// The network layer of a packet: addresses, fragmentation and where the transport header stands.
#ifndef PORTMATRIX_AGENT_POLICY_NETWORK_HEADER_H_
#define PORTMATRIX_AGENT_POLICY_NETWORK_HEADER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "maps/address.h"
#include "maps/layout.h"

namespace portmatrix {

struct NetworkHeader {
  Address source;
  Address destination;
  uint8_t hop_limit = 0;
  uint8_t protocol = 0;  // of the transport header; zero for a later fragment of IPv6
  pm_fragment_kind fragment = PM_WHOLE;
  uint32_t identification = 0;   // with fragments
  uint32_t fragment_offset = 0;  // bytes
  // What follows the fragmentable part's start and the headers before the transport, up to the
  // packet's end.
  std::span<const uint8_t> transport;
  size_t transport_offset = 0;  // from the start of the fragmentable part
};

enum class Extent : uint8_t {
  kByLengthField,  // an ordinary packet
  kByBuffer,       // a segmented super-packet: the length fields are not looked at
};

// Nothing if the packet is malformed.
std::optional<NetworkHeader> DecodeIpv4(std::span<const uint8_t> bytes, Extent extent);
std::optional<NetworkHeader> DecodeIpv6(std::span<const uint8_t> bytes, Extent extent);

// The same of a packet embedded in an ICMP error and cut anywhere: lengths and IPv4 options are not
// looked at, and fragments are not held to be consistent. Nothing where the headers before the
// transport do not fit.
std::optional<NetworkHeader> DecodeEmbeddedIpv4(std::span<const uint8_t> bytes);
std::optional<NetworkHeader> DecodeEmbeddedIpv6(std::span<const uint8_t> bytes);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_NETWORK_HEADER_H_
