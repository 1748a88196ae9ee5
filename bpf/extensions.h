/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The chain of IPv6 extension headers (RFC 8200, section 4), up to the header of a protocol.
 */
#ifndef PORTMATRIX_BPF_EXTENSIONS_H_
#define PORTMATRIX_BPF_EXTENSIONS_H_

#include "bpf/ethernet.h"
#include "bpf/protocols.h"

struct chain {
	__u32 at;                  /* in: first header; out: where the protocol's header begins */
	__u32 fragmentable;        /* where the fragmentable part begins; zero: no fragment header */
	__u32 identification;
	__u16 offset_and_more;     /* of the fragment header, host order */
	__u8 protocol;             /* in: first next header; out: the protocol */
};

static __always_inline bool is_extension(__u8 header)
{
	return header == PROTOCOL_HOP_BY_HOP || header == PROTOCOL_ROUTING ||
	       header == PROTOCOL_FRAGMENT || header == PROTOCOL_AH ||
	       header == PROTOCOL_DESTINATION || header == PROTOCOL_MOBILITY ||
	       header == PROTOCOL_HIP || header == PROTOCOL_SHIM6;
}

struct extension_header {
	__u8 next;
	__u8 length;
	__be16 word; /* routing: type and segments left; fragment: offset and flags */
	__be32 identification;
}; /* eight bytes: no extension header is shorter */

/* Reads the extension header at chain->at and moves on to the next one. */
static __always_inline int step_chain(const struct frame *frame, __u32 end, struct chain *chain)
{
	struct extension_header header;
	__u32 size;

	if (chain->at + sizeof(header) > end)
		return PARSE_MALFORMED;
	if (load(frame, chain->at, &header, sizeof(header)))
		return PARSE_INTERNAL;

	if (chain->protocol == PROTOCOL_FRAGMENT)
		size = sizeof(header);
	else if (chain->protocol == PROTOCOL_AH)
		size = ((__u32)header.length + 2) * 4; /* RFC 4302, 2.2 */
	else
		size = ((__u32)header.length + 1) * 8;
	if (chain->at + size > end)
		return PARSE_MALFORMED;

	if (chain->protocol == PROTOCOL_ROUTING) {
		__u16 word = bpf_ntohs(header.word);

		/* Type 0 (RFC 5095), or not yet at its destination. */
		if (!(word >> 8) || (word & 0xff))
			return PARSE_MALFORMED;
	}
	if (chain->protocol == PROTOCOL_FRAGMENT) {
		if (chain->fragmentable)
			return PARSE_MALFORMED;
		chain->fragmentable = chain->at + size;
		chain->offset_and_more = bpf_ntohs(header.word);
		chain->identification = bpf_ntohl(header.identification);
	}
	chain->protocol = header.next;
	chain->at += size;
	return PARSE_OK;
}

DEFINE_OVER_FRAME(step_chain, chain)

static __always_inline int walk_chain(const struct frame *frame, __u32 end, struct chain *chain)
{
	int result, i;

	/* Unrolled, because Linux 6.1 refuses a loop that the compiler lays out with its back edge as a fall-through. */
#pragma clang loop unroll(full)
	for (i = 0; i <= PM_MAX_EXTENSION_HEADERS; i++) {
		if (!is_extension(chain->protocol))
			return PARSE_OK;
		if (i == PM_MAX_EXTENSION_HEADERS)
			return PARSE_MALFORMED;
		result = pm_step_chain(frame, end, chain);
		if (result)
			return result;
		if (chain->offset_and_more & IPV6_OFFSET_MASK)
			return PARSE_OK; /* a later fragment: what follows is its data */
	}
	return PARSE_MALFORMED;
}

#endif /* PORTMATRIX_BPF_EXTENSIONS_H_ */
