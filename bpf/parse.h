/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From the IP header to pm_packet: one layer a function. Each takes `at`, where its header begins, and `end`, where the
 * datagram ends, both counted from the frame's start, and reads nothing outside.
 */
#ifndef PORTMATRIX_BPF_PARSE_H_
#define PORTMATRIX_BPF_PARSE_H_

#include "bpf/ethernet.h"
#include "bpf/protocols.h"

/* ---- IPv6 extension headers (RFC 8200, section 4) ---- */

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

/* ---- The packet inside an ICMP error ---- */

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

/* ---- Transport headers of whole packets and first fragments ---- */

static __always_inline int parse_tcp(const struct frame *frame, __u32 at, __u32 end, struct pm_packet *packet)
{
	__be16 words[10] PACKET_WORDS;
	__u16 offset_and_flags;
	__u32 size;

	if (at + TCP_LEAST_BYTES > end)
		return PARSE_MALFORMED;
	if (load(frame, at, words, sizeof(words)))
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
	__be16 words[4] PACKET_WORDS;
	__u16 length;

	if (at + UDP_BYTES > end)
		return PARSE_MALFORMED;
	if (load(frame, at, words, sizeof(words)))
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

/* ---- IP ---- */

/* Offset and flags as IPv6 has them: offset in bytes, bit 0 for more to come. `data` is the fragment's own length. */
static __always_inline int parse_fragment(__u32 offset, bool more, __u32 data, struct pm_packet *packet)
{
	if ((more && data % 8) || offset + data > LARGEST_DATAGRAM)
		return PARSE_MALFORMED;
	packet->fragment_offset = offset;
	packet->fragment = offset ? PM_LATER : more ? PM_FIRST : PM_WHOLE;
	return PARSE_OK;
}

/* Forty bytes are used; a power of two, so that a mask keeps an index inside. */
struct option_bytes {
	__u8 byte[64];
} PACKET_WORDS;

enum option_step {
	OPTIONS_END = 0,
	OPTIONS_MALFORMED = -1,
};

/*
 * Where the option after the one at `at` begins, or an enum option_step; there are `length` bytes of them. By itself, because
 * what an index may be after each of forty options is more than the verifier can count.
 */
STANDALONE int pm_step_option(struct option_bytes *options, __u32 at, __u32 length)
{
	const __u32 mask = sizeof(options->byte) - 1;
	__u32 size;
	__u8 kind;

	if (!options || at >= length)
		return OPTIONS_END;
	kind = options->byte[at & mask];
	if (kind == IPV4_OPTION_END)
		return OPTIONS_END;
	if (kind == IPV4_OPTION_LSRR || kind == IPV4_OPTION_SSRR)
		return OPTIONS_MALFORMED;
	if (kind == IPV4_OPTION_NOP)
		return (int)at + 1;
	if (at + 1 >= length)
		return OPTIONS_MALFORMED;
	size = options->byte[(at + 1) & mask];
	if (size < 2 || at + size > length)
		return OPTIONS_MALFORMED;
	return (int)(at + size);
}

struct options {
	__u32 at; /* where they begin in the frame */
};

/* IPv4 options (RFC 791, 3.1) from options->at to `end`. */
static __always_inline int check_options(const struct frame *frame, __u32 end, struct options *options)
{
	struct option_bytes bytes = {};
	__u32 length = end - options->at;
	int at = 0;
	__u32 i;

	for (i = 0; i < IPV4_MOST_OPTIONS; i += 4)
		if (i < length && load(frame, options->at + i, bytes.byte + i, 4))
			return PARSE_INTERNAL;
	for (i = 0; i < IPV4_MOST_OPTIONS; i++) {
		at = pm_step_option(&bytes, (__u32)at, length);
		if (at == OPTIONS_END)
			return PARSE_OK;
		if (at < 0)
			return PARSE_MALFORMED;
	}
	return PARSE_OK;
}

DEFINE_OVER_FRAME(check_options, options)

struct ipv4_header {
	__u8 version_and_length;
	__u8 service;
	__be16 total_length;
	__be16 identification;
	__be16 flags_and_offset;
	__u8 ttl;
	__u8 protocol;
	__be16 checksum;
	__u8 source[4];
	__u8 destination[4];
} PACKET_WORDS;

static __always_inline int parse_ipv4(const struct frame *frame, __u32 at, struct pm_packet *packet, __u32 *data_at,
				      __u32 *data_end)
{
	__u32 available = frame->length - at;
	struct ipv4_header ip;
	__u32 header, total;
	__u16 flags;

	if (available < IPV4_LEAST_BYTES)
		return PARSE_MALFORMED;
	if (load(frame, at, &ip, sizeof(ip)))
		return PARSE_INTERNAL;
	header = (ip.version_and_length & 15u) * 4;
	if (ip.version_and_length >> 4 != 4 || header < IPV4_LEAST_BYTES)
		return PARSE_MALFORMED;
	total = frame->segmented ? available : bpf_ntohs(ip.total_length);
	if (total < header || total > available)
		return PARSE_MALFORMED;
	if (header > IPV4_LEAST_BYTES) {
		struct options options = { .at = at + IPV4_LEAST_BYTES };
		int result = pm_check_options(frame, at + header, &options);

		if (result)
			return result;
	}
	packet->tuple.family = 4;
	packet->tuple.protocol = ip.protocol;
	packet->hop_limit = ip.ttl;
	__builtin_memcpy(packet->tuple.source, ip.source, 4);
	__builtin_memcpy(packet->tuple.destination, ip.destination, 4);
	*data_at = at + header;
	*data_end = at + total;
	flags = bpf_ntohs(ip.flags_and_offset);
	if (flags & (IPV4_MORE_FRAGMENTS | IPV4_OFFSET_MASK)) {
		packet->identification = bpf_ntohs(ip.identification);
		return parse_fragment((flags & IPV4_OFFSET_MASK) * 8, flags & IPV4_MORE_FRAGMENTS, total - header,
				      packet);
	}
	return PARSE_OK;
}

static __always_inline int parse_ipv6(const struct frame *frame, __u32 at, struct pm_packet *packet, __u32 *data_at,
				      __u32 *data_end, __u32 *fragmentable)
{
	__u32 available = frame->length - at;
	struct chain chain = {};
	__be16 head[4] PACKET_WORDS;
	__u32 end;
	int result;

	if (available < IPV6_BYTES)
		return PARSE_MALFORMED;
	if (load(frame, at, head, sizeof(head)) || load(frame, at + 8, packet->tuple.source, 16) ||
	    load(frame, at + 24, packet->tuple.destination, 16))
		return PARSE_INTERNAL;
	if (bpf_ntohs(head[0]) >> 12 != 6)
		return PARSE_MALFORMED;
	end = frame->segmented ? frame->length : at + IPV6_BYTES + bpf_ntohs(head[2]);
	if (end > frame->length)
		return PARSE_MALFORMED;
	packet->hop_limit = bpf_ntohs(head[3]) & 0xff;
	chain.protocol = bpf_ntohs(head[3]) >> 8;
	chain.at = at + IPV6_BYTES;
	result = walk_chain(frame, end, &chain);
	if (result)
		return result;
	packet->tuple.family = 6;
	*data_at = chain.at;
	*data_end = end;
	*fragmentable = chain.at;
	if (chain.fragmentable) {
		*fragmentable = chain.fragmentable;
		packet->identification = chain.identification;
		result = parse_fragment(chain.offset_and_more & IPV6_OFFSET_MASK,
					chain.offset_and_more & IPV6_MORE_FRAGMENTS, end - chain.fragmentable,
					packet);
	}
	/* The protocol of a later fragment is unknown: the field names the first header of the whole. */
	packet->tuple.protocol = packet->fragment == PM_LATER ? 0 : chain.protocol;
	return result;
}

/*
 * Reads the IP packet at `at` into `packet`, which starts as zeros. The interface is left to the caller. `headers` becomes
 * where the transport's payload begins, for whole packets and first fragments.
 */
static __always_inline int parse_ip_and_headers(const struct frame *frame, __u16 ethertype, __u32 at,
						struct pm_packet *packet, __u32 *headers)
{
	__u32 data_at = 0, data_end = 0, fragmentable = 0;
	int result;

	if (ethertype == ETHERTYPE_IPV4) {
		result = parse_ipv4(frame, at, packet, &data_at, &data_end);
		fragmentable = data_at;
	} else {
		result = parse_ipv6(frame, at, packet, &data_at, &data_end, &fragmentable);
	}
	if (result || packet->fragment == PM_LATER)
		return result;
	result = parse_transport(frame, data_at, data_end, packet);
	if (result)
		return result;
	*headers = data_at + packet->header_end;
	packet->header_end += data_at - fragmentable;
	if (packet->icmp_error) {
		struct embedded embedded = { .at = data_at + ICMP_BYTES, .family = packet->tuple.family };

		result = pm_parse_embedded(frame, data_end, &embedded);
		if (embedded.tuple.family)
			packet->embedded = embedded.tuple;
	}
	return result;
}

static __always_inline int parse_ip(const struct frame *frame, __u16 ethertype, __u32 at, struct pm_packet *packet)
{
	__u32 headers;

	return parse_ip_and_headers(frame, ethertype, at, packet, &headers);
}

#endif /* PORTMATRIX_BPF_PARSE_H_ */
