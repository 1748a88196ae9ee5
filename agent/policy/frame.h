// SPDX-License-Identifier: Apache-2.0
// The reference decoder's outer layer: what an Ethernet header and its VLAN tags say.
#ifndef PORTMATRIX_AGENT_POLICY_FRAME_H_
#define PORTMATRIX_AGENT_POLICY_FRAME_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace portmatrix {

struct LinkHeader {
  // The tags' VLAN identifiers, outermost first, priority tags (identifier 0) left out; zero where
  // there is none.
  std::array<uint16_t, 2> vlan{};
  uint16_t ethertype = 0;  // of what the tags hold; zero for an 802.3 length
  std::span<const uint8_t> payload;
};

// Reads a frame from its Ethernet header on. `metadata_tag` (TPID << 16 | TCI) travels beside the
// frame and is its first tag. Nothing where the header or a tag is cut, or where there are more
// than two tags. The payload points into `frame`.
std::optional<LinkHeader> DecodeLink(std::span<const uint8_t> frame,
                                     std::optional<uint32_t> metadata_tag = std::nullopt);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_FRAME_H_
