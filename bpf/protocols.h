/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Numbers of the Internet protocols that decide something here, by the IANA registry or RFC that fixes them. */
#ifndef PORTMATRIX_BPF_PROTOCOLS_H_
#define PORTMATRIX_BPF_PROTOCOLS_H_

/* IANA protocol numbers. */
#define PROTOCOL_HOP_BY_HOP 0
#define PROTOCOL_ICMP 1
#define PROTOCOL_IGMP 2
#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17
#define PROTOCOL_ROUTING 43
#define PROTOCOL_FRAGMENT 44
#define PROTOCOL_AH 51
#define PROTOCOL_ICMPV6 58
#define PROTOCOL_DESTINATION 60
#define PROTOCOL_SCTP 132
#define PROTOCOL_MOBILITY 135
#define PROTOCOL_HIP 139
#define PROTOCOL_SHIM6 140

#define IPV4_LEAST_BYTES 20 /* RFC 791 */
#define IPV4_MOST_OPTIONS 40
#define IPV4_OPTION_END 0
#define IPV4_OPTION_NOP 1
#define IPV4_OPTION_LSRR 131
#define IPV4_OPTION_SSRR 137
#define IPV4_MORE_FRAGMENTS 0x2000
#define IPV4_OFFSET_MASK 0x1fff
#define IPV6_BYTES 40 /* RFC 8200 */
#define IPV6_OFFSET_MASK 0xfff8
#define IPV6_MORE_FRAGMENTS 0x0001
#define LARGEST_DATAGRAM 65535

#define TCP_LEAST_BYTES 20 /* RFC 9293 */
#define UDP_BYTES 8        /* RFC 768 */
#define SCTP_BYTES 12      /* RFC 9260 */
#define SCTP_CHUNK_INIT 1
#define ICMP_BYTES 8 /* RFC 792, RFC 4443 */

/* Type << 8 | code, as in a tuple's destination_port. */
#define ICMP_ECHO_REPLY 0x0000
#define ICMP_ECHO_REQUEST 0x0800
#define ICMPV6_ECHO_REQUEST 0x8000
#define ICMPV6_ECHO_REPLY 0x8100

#define ICMP_UNREACHABLE 3
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETER_PROBLEM 12
#define ICMPV6_FIRST_ERROR 1
#define ICMPV6_LAST_ERROR 4 /* RFC 4443: 1 to 4 */

#define DHCP_SERVER 67 /* RFC 2131 */
#define DHCP_CLIENT 68
#define DHCPV6_CLIENT 546 /* RFC 8415 */
#define DHCPV6_SERVER 547

#endif /* PORTMATRIX_BPF_PROTOCOLS_H_ */
