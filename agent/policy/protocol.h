// SPDX-License-Identifier: Apache-2.0
// Numbers from the IANA registries that judging needs by name.
#ifndef PORTMATRIX_AGENT_POLICY_PROTOCOL_H_
#define PORTMATRIX_AGENT_POLICY_PROTOCOL_H_

#include <cstdint>

namespace portmatrix {

// IP protocols and IPv6 next headers.
namespace protocol {
inline constexpr uint8_t kHopByHop = 0;
inline constexpr uint8_t kIcmp = 1;
inline constexpr uint8_t kIgmp = 2;
inline constexpr uint8_t kTcp = 6;
inline constexpr uint8_t kUdp = 17;
inline constexpr uint8_t kRouting = 43;
inline constexpr uint8_t kFragment = 44;
inline constexpr uint8_t kEsp = 50;
inline constexpr uint8_t kAuthentication = 51;
inline constexpr uint8_t kIcmpv6 = 58;
inline constexpr uint8_t kNoNextHeader = 59;
inline constexpr uint8_t kDestinationOptions = 60;
inline constexpr uint8_t kSctp = 132;
inline constexpr uint8_t kMobility = 135;
inline constexpr uint8_t kHostIdentity = 139;
inline constexpr uint8_t kShim6 = 140;
}  // namespace protocol

namespace ethertype {
inline constexpr uint16_t kSmallest = 0x0600;  // below it the field is an 802.3 length
inline constexpr uint16_t kIpv4 = 0x0800;
inline constexpr uint16_t kArp = 0x0806;
inline constexpr uint16_t kVlan = 0x8100;
inline constexpr uint16_t kIpv6 = 0x86dd;
inline constexpr uint16_t kServiceVlan = 0x88a8;
}  // namespace ethertype

namespace icmp {
inline constexpr uint8_t kEchoReply = 0;
inline constexpr uint8_t kDestinationUnreachable = 3;
inline constexpr uint8_t kEchoRequest = 8;
inline constexpr uint8_t kTimeExceeded = 11;
inline constexpr uint8_t kParameterProblem = 12;
}  // namespace icmp

namespace icmpv6 {
inline constexpr uint8_t kDestinationUnreachable = 1;
inline constexpr uint8_t kPacketTooBig = 2;
inline constexpr uint8_t kTimeExceeded = 3;
inline constexpr uint8_t kParameterProblem = 4;
inline constexpr uint8_t kEchoRequest = 128;
inline constexpr uint8_t kEchoReply = 129;
inline constexpr uint8_t kListenerQuery = 130;
inline constexpr uint8_t kListenerReport = 131;
inline constexpr uint8_t kListenerDone = 132;
inline constexpr uint8_t kRouterSolicitation = 133;
inline constexpr uint8_t kRouterAdvertisement = 134;
inline constexpr uint8_t kNeighbourSolicitation = 135;
inline constexpr uint8_t kNeighbourAdvertisement = 136;
inline constexpr uint8_t kListenerReportV2 = 143;
}  // namespace icmpv6

// How a tuple carries an ICMP type and code (maps/layout.h, struct pm_tuple).
constexpr uint16_t IcmpService(uint8_t type, uint8_t code) {
  return static_cast<uint16_t>(type << 8 | code);
}

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_PROTOCOL_H_
