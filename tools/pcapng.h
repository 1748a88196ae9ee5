// SPDX-License-Identifier: Apache-2.0
// Blocks of a pcapng file, as bytes: a section, its interfaces, then packets. libpcap reads the
// format and does not write it.
//
// The format: draft-ietf-opsawg-pcapng, 3.1 (blocks), 3.5 (options), 4.1 (section), 4.2
// (interface), 4.3 (packet). Numbers are in this machine's byte order, which a section's first word
// tells.
#ifndef PORTMATRIX_TOOLS_PCAPNG_H_
#define PORTMATRIX_TOOLS_PCAPNG_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace portmatrix {

inline constexpr uint16_t kPcapngEthernet = 1;  // LINKTYPE_ETHERNET

// Begins a file. `application` wrote it; empty: not said.
std::string PcapngSection(std::string_view application);

// Interfaces are numbered from 0 in their order. Time stamps of its packets are nanoseconds.
// `name` may be empty.
std::string PcapngInterface(uint16_t link, uint32_t snap_bytes, std::string_view name);

struct PcapngPacket {
  uint32_t interface = 0;
  uint64_t time = 0;  // nanoseconds since 1970
  std::span<const uint8_t> bytes;
  uint32_t wire_bytes = 0;
  std::string_view comment = {};  // UTF-8; empty: none
  std::optional<bool> outbound = {};
};
std::string PcapngPacketBlock(const PcapngPacket& packet);

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_PCAPNG_H_
