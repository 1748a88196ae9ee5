// SPDX-License-Identifier: Apache-2.0
// A small edge server's policy and the packets between its host and a peer, in both families, for
// tests of judgements.
#ifndef PORTMATRIX_TESTS_SUPPORT_EDGE_NODE_H_
#define PORTMATRIX_TESTS_SUPPORT_EDGE_NODE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "agent/policy/model.h"
#include "tests/support/packet_builder.h"
#include "tests/support/story.h"

namespace portmatrix {

// Interface `external` on `eth0`; local are 203.0.113.0/28 and 2001:db8::/64. Failsafe: TCP 22 from
// 192.0.2.0/28 and 2001:db8:f00d::/48. Rules, all between local and anywhere:
//   in:  web (TCP 443), no-telnet (deny TCP 23), media-in (UDP 50000-59999), ping-in (echo
//   requests), gre-in (47),
//        init-in (SCTP 9)
//   out: no-smtp (deny TCP 25), https-out (TCP 443), dns-out (UDP 53), media-out (UDP 50000-59999),
//   sctp-out (SCTP 7),
//        ping-out (echo requests), esp-out (50)
Node EdgeNode();

wire::Ip HostAddress(Family family);   // local
wire::Ip PeerAddress(Family family);   // outside
wire::Ip AdminAddress(Family family);  // outside, in the failsafe entry
wire::Ip RouterAddress(Family family);

// IP layers from and to; with the Ethernet layer where the name says Frame.
wire::Stack Between(const wire::Ip& source, const wire::Ip& destination);
wire::Stack FrameBetween(const wire::Ip& source, const wire::Ip& destination);
wire::Stack In(Family family, const wire::Stack& transport);   // from peer to host
wire::Stack Out(Family family, const wire::Stack& transport);  // from host to peer

// Transport headers without payload.
wire::Stack TcpOf(uint16_t source_port, uint16_t destination_port, uint8_t flags);
wire::Stack UdpOf(uint16_t source_port, uint16_t destination_port);
wire::Stack SctpOf(uint16_t source_port, uint16_t destination_port, uint8_t chunk);
inline constexpr uint8_t kSynAck = wire::kSyn | wire::kAck;
inline constexpr uint8_t kFinAck = wire::kFin | wire::kAck;
inline constexpr uint8_t kSctpInit = 1;
inline constexpr uint8_t kSctpInitAck = 2;
wire::Stack EchoRequest(Family family, uint16_t identifier);
wire::Stack EchoReply(Family family, uint16_t identifier);
// A query that is no echo and no error.
wire::Stack OtherIcmp(Family family);
// An unreachable message without the packet it is about.
wire::Stack Unreachable(Family family);
// A router's error about a packet from host to peer, and the host's about one from peer to host.
wire::Stack ErrorIn(Family family, const wire::Stack& transport);
wire::Stack ErrorOut(Family family, const wire::Stack& transport);

// The stories in both families, `OverIpv4` and `OverIpv6` behind their names.
std::vector<Story> InBothFamilies(const std::function<std::vector<Story>(Family)>& stories);

}  // namespace portmatrix

#endif  // PORTMATRIX_TESTS_SUPPORT_EDGE_NODE_H_
