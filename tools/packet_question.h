// SPDX-License-Identifier: Apache-2.0
// A packet that somebody asks about, from the words of a command line to the bytes of a frame.
#ifndef PORTMATRIX_TOOLS_PACKET_QUESTION_H_
#define PORTMATRIX_TOOLS_PACKET_QUESTION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "maps/address.h"

namespace portmatrix {

// The words as they were given; empty: not.
struct PacketWords {
  std::string from;  // A, A:P or [A]:P
  std::string to;
  std::string protocol;
  std::string icmp_type;
  std::string icmp_code;
  std::string flags;  // of TCP: "syn", "syn,ack", "none"
};

struct TraceQuestion {
  Address from;
  Address to;
  uint8_t protocol = 0;
  std::optional<uint16_t> from_port;
  uint16_t to_port = 0;
  uint8_t icmp_type = 0;  // of ICMP and ICMPv6
  uint8_t icmp_code = 0;
  uint8_t tcp_flags = 0;
};

// Nothing, with the reason in `*problem`, if the words name no packet.
std::optional<TraceQuestion> ReadQuestion(const PacketWords& words, std::string* problem);

// The Ethernet frame of the packet, with these VLAN tags (outermost first), hop limit 64, without
// payload but an SCTP packet's INIT chunk. Checksums are zero: nobody looks at them.
std::vector<uint8_t> BuildFrame(const TraceQuestion& question, uint16_t from_port,
                                const std::vector<uint16_t>& tags);

// "tcp 198.51.100.7:49152 > 203.0.113.11:5061 syn", "icmp 192.0.2.1 > 192.0.2.2 type 8 code 0"
std::string Describe(const TraceQuestion& question, uint16_t from_port);

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_PACKET_QUESTION_H_
