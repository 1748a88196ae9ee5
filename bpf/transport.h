/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Transport headers of whole packets and first fragments.
 */
#ifndef PORTMATRIX_BPF_TRANSPORT_H_
#define PORTMATRIX_BPF_TRANSPORT_H_

#include "bpf/embedded.h"

static __always_inline int parse_tcp(const struct frame *frame, __u32 at, __u32 end, struct pm_packet *packet)
{
	__be16 buffer[10] PACKET_WORDS;
	const __be16 *words;
	__u16 offset_and_flags;
	__u32 size;

	if (at + TCP_LEAST_BYTES > end)
		return PARSE_MALFORMED;
	words = view(frame, at, buffer, sizeof(buffer));
	if (!words)
		return PARSE_INTERNAL;
	offset_and_flags = bpf_ntohs(words[6]);
	size = (offset_and_flags >> 12) * 4;
	if (size < TCP_LEAST_BYTES || at + size > end)
		return PARSE_MALFORMED;
	packet->tuple.source_port = bpf_ntohs(words[0]);
	packet->tuple.destination_port = bpf_ntohs(words[1]);
	packet->tcp_flags = (__u8)offset_and_flags;
	packet->opening = (packet->tcp_flags & (PM_TCP_SYN | PM_TCP_ACK)) == PM_TCP_SYN;
	packet->header_end = size;
	return PARSE_OK;
}

static __always_inline int parse_udp(const struct frame *frame, __u32 at, __u32 end, struct pm_packet *packet)
{
	__be16 buffer[4] PACKET_WORDS;
	const __be16 *words;
	__u16 length;

	if (at + UDP_BYTES > end)
		return PARSE_MALFORMED;
	words = view(frame, at, buffer, sizeof(buffer));
	if (!words)
		return PARSE_INTERNAL;
	length = bpf_ntohs(words[2]);
	if (!frame->segmented &&
	    (length < UDP_BYTES || (packet->fragment != PM_FIRST && at + length > end)))
		return PARSE_MALFORMED;
	packet->tuple.source_port = bpf_ntohs(words[0]);
	packet->tuple.destination_port = bpf_ntohs(words[1]);
	packet->header_end = UDP_BYTES;
	return PARSE_OK;
}

static __always_inline int parse_sctp(const struct frame *frame, __u32 at, __u32 end, struct pm_packet *packet)
{
	__be16 ports[2] PACKET_WORDS;
	__u8 chunk;

	if (at + SCTP_BYTES > end)
		return PARSE_MALFORMED;
	if (load(frame, at, ports, sizeof(ports)))
		return PARSE_INTERNAL;
	if (at + SCTP_BYTES < end) {
		if (load(frame, at + SCTP_BYTES, &chunk, sizeof(chunk)))
			return PARSE_INTERNAL;
		packet->opening = chunk == SCTP_CHUNK_INIT;
	}
	packet->tuple.source_port = bpf_ntohs(ports[0]);
	packet->tuple.destination_port = bpf_ntohs(ports[1]);
	packet->header_end = SCTP_BYTES;
	return PARSE_OK;
}

static __always_inline int parse_icmp(const struct frame *frame, __u32 at, __u32 end, struct pm_packet *packet)
{
	const bool v6 = packet->tuple.family == 6;
	__be16 words[4] PACKET_WORDS;
	__u16 service;
	__u8 type;

	if (v6 != (packet->tuple.protocol == PROTOCOL_ICMPV6) || at + ICMP_BYTES > end)
		return PARSE_MALFORMED;
	if (load(frame, at, words, sizeof(words)))
		return PARSE_INTERNAL;
	service = bpf_ntohs(words[0]);
	type = service >> 8;
	packet->tuple.destination_port = service;
	packet->header_end = ICMP_BYTES;
	if (v6) {
		packet->opening = service == ICMPV6_ECHO_REQUEST;
		packet->icmp_error = type >= ICMPV6_FIRST_ERROR && type <= ICMPV6_LAST_ERROR;
		if (packet->opening || service == ICMPV6_ECHO_REPLY)
			packet->tuple.source_port = bpf_ntohs(words[2]);
	} else {
		packet->opening = service == ICMP_ECHO_REQUEST;
		packet->icmp_error = type == ICMP_UNREACHABLE || type == ICMP_TIME_EXCEEDED ||
				     type == ICMP_PARAMETER_PROBLEM;
		if (packet->opening || service == ICMP_ECHO_REPLY)
			packet->tuple.source_port = bpf_ntohs(words[2]);
	}
	return PARSE_OK;
}

static __always_inline int parse_transport(const struct frame *frame, __u32 at, __u32 end,
					   struct pm_packet *packet)
{
	switch (packet->tuple.protocol) {
	case PROTOCOL_TCP:
		return parse_tcp(frame, at, end, packet);
	case PROTOCOL_UDP:
		return parse_udp(frame, at, end, packet);
	case PROTOCOL_SCTP:
		return parse_sctp(frame, at, end, packet);
	case PROTOCOL_ICMP:
	case PROTOCOL_ICMPV6:
		return parse_icmp(frame, at, end, packet);
	default:
		return PARSE_OK;
	}
}

#endif /* PORTMATRIX_BPF_TRANSPORT_H_ */
