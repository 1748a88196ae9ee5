/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The packet inside an ICMP error: whose conversation the error is about.
 */
#ifndef PORTMATRIX_BPF_EMBEDDED_H_
#define PORTMATRIX_BPF_EMBEDDED_H_

#include "bpf/extensions.h"

struct embedded {
	__u32 at;
	__u32 family; /* of the error */
	struct pm_tuple tuple;
};

/* Fills the tuple from an embedded packet that could belong to a conversation, else leaves its family zero. */
static __always_inline int parse_embedded(const struct frame *frame, __u32 end, struct embedded *embedded)
{
	struct pm_tuple *tuple = &embedded->tuple;
	const __u32 family = embedded->family;
	const __u32 at = embedded->at;
	__u8 head[IPV4_LEAST_BYTES] PACKET_WORDS;
	__be16 words[4] PACKET_WORDS;
	struct chain chain = {};
	int result;

	if (family == 4) {
		__u32 header;

		if (at + IPV4_LEAST_BYTES > end)
			return PARSE_OK;
		if (load(frame, at, head, IPV4_LEAST_BYTES))
			return PARSE_INTERNAL;
		header = (head[0] & 15u) * 4;
		if (head[0] >> 4 != 4 || header < IPV4_LEAST_BYTES)
			return PARSE_OK;
		if (((head[6] << 8) | head[7]) & IPV4_OFFSET_MASK)
			return PARSE_OK;
		__builtin_memcpy(tuple->source, head + 12, 4);
		__builtin_memcpy(tuple->destination, head + 16, 4);
		chain.protocol = head[9];
		chain.at = at + header;
	} else {
		if (at + IPV6_BYTES > end)
			return PARSE_OK;
		if (load(frame, at, head, 8) || load(frame, at + 8, tuple->source, 16) ||
		    load(frame, at + 24, tuple->destination, 16))
			return PARSE_INTERNAL;
		if (head[0] >> 4 != 6)
			return PARSE_OK;
		chain.protocol = head[6];
		chain.at = at + IPV6_BYTES;
		result = walk_chain(frame, end, &chain);
		if (result == PARSE_INTERNAL)
			return result;
		if (result == PARSE_MALFORMED || (chain.offset_and_more & IPV6_OFFSET_MASK))
			return PARSE_OK;
	}
	if (chain.at + sizeof(words) > end)
		return PARSE_OK;
	if (load(frame, chain.at, words, sizeof(words)))
		return PARSE_INTERNAL;

	switch (chain.protocol) {
	case PROTOCOL_TCP:
	case PROTOCOL_UDP:
	case PROTOCOL_SCTP:
		tuple->source_port = bpf_ntohs(words[0]);
		tuple->destination_port = bpf_ntohs(words[1]);
		break;
	case PROTOCOL_ICMP:
	case PROTOCOL_ICMPV6: {
		__u16 service = bpf_ntohs(words[0]);

		if ((family == 4) != (chain.protocol == PROTOCOL_ICMP))
			return PARSE_OK;
		if (family == 4 ? (service != ICMP_ECHO_REQUEST && service != ICMP_ECHO_REPLY)
				: (service != ICMPV6_ECHO_REQUEST && service != ICMPV6_ECHO_REPLY))
			return PARSE_OK;
		tuple->destination_port = service;
		tuple->source_port = bpf_ntohs(words[2]);
		break;
	}
	}
	tuple->protocol = chain.protocol;
	tuple->family = (__u8)family;
	return PARSE_OK;
}

DEFINE_OVER_FRAME(parse_embedded, embedded)

#endif /* PORTMATRIX_BPF_EMBEDDED_H_ */
