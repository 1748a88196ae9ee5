// SPDX-License-Identifier: Apache-2.0
// The reference decoder's inner layer: an IP packet's bytes to the facts that a judgement depends
// on. It shares no line with the kernel program's parser; bpf/README.md, "Parsing", is what both
// follow.
#ifndef PORTMATRIX_AGENT_POLICY_PACKET_H_
#define PORTMATRIX_AGENT_POLICY_PACKET_H_

#include <cstdint>
#include <optional>
#include <span>

#include "maps/address.h"
#include "maps/layout.h"

namespace portmatrix {

// `bytes` begin with the IP header and may have trailing bytes. With `segmented` (a super-packet on
// the send hook) the packet ends where `bytes` do, whatever its length fields say. Nothing if the
// packet is malformed. The interface fields of the tuples are left zero.
std::optional<pm_packet> DecodePacket(Family family, std::span<const uint8_t> bytes,
                                      bool segmented = false);

// The tuple of a packet embedded in an ICMP error, of which `bytes` hold the beginning. Nothing if
// it could not belong to a conversation.
std::optional<pm_tuple> DecodeEmbedded(Family family, std::span<const uint8_t> bytes);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_PACKET_H_
