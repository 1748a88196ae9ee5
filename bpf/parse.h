/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From the IP header to pm_packet: one layer a function. Each takes `at`, where its header begins, and `end`, where the
 * datagram ends, both counted from the frame's start, and reads nothing outside.
 */
#ifndef PORTMATRIX_BPF_PARSE_H_
#define PORTMATRIX_BPF_PARSE_H_

#include "bpf/extensions.h"
#include "bpf/transport.h"

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
	const struct ipv4_header *ip;
	struct ipv4_header buffer;
	__u32 header, total;
	__u16 flags;

	if (available < IPV4_LEAST_BYTES)
		return PARSE_MALFORMED;
	ip = view(frame, at, &buffer, sizeof(buffer));
	if (!ip)
		return PARSE_INTERNAL;
	header = (ip->version_and_length & 15u) * 4;
	if (ip->version_and_length >> 4 != 4 || header < IPV4_LEAST_BYTES)
		return PARSE_MALFORMED;
	total = frame->segmented ? available : bpf_ntohs(ip->total_length);
	if (total < header || total > available)
		return PARSE_MALFORMED;
	if (header > IPV4_LEAST_BYTES) {
		struct options options = { .at = at + IPV4_LEAST_BYTES };
		int result = pm_check_options(frame, at + header, &options);

		if (result)
			return result;
	}
	packet->tuple.family = 4;
	packet->tuple.protocol = ip->protocol;
	packet->hop_limit = ip->ttl;
	__builtin_memcpy(packet->tuple.source, ip->source, 4);
	__builtin_memcpy(packet->tuple.destination, ip->destination, 4);
	*data_at = at + header;
	*data_end = at + total;
	flags = bpf_ntohs(ip->flags_and_offset);
	if (flags & (IPV4_MORE_FRAGMENTS | IPV4_OFFSET_MASK)) {
		packet->identification = bpf_ntohs(ip->identification);
		return parse_fragment((flags & IPV4_OFFSET_MASK) * 8, flags & IPV4_MORE_FRAGMENTS, total - header,
				      packet);
	}
	return PARSE_OK;
}

struct ipv6_header {
	__u8 version_and_class;
	__u8 class_and_label[3];
	__be16 payload_length;
	__u8 next_header;
	__u8 hop_limit;
	__u8 source[16];
	__u8 destination[16];
} PACKET_WORDS;

static __always_inline int parse_ipv6(const struct frame *frame, __u32 at, struct pm_packet *packet, __u32 *data_at,
				      __u32 *data_end, __u32 *fragmentable)
{
	__u32 available = frame->length - at;
	struct chain chain = {};
	struct ipv6_header buffer;
	const struct ipv6_header *ip;
	__u32 end;
	int result;

	if (available < IPV6_BYTES)
		return PARSE_MALFORMED;
	ip = view(frame, at, &buffer, sizeof(buffer));
	if (!ip)
		return PARSE_INTERNAL;
	__builtin_memcpy(packet->tuple.source, ip->source, 16);
	__builtin_memcpy(packet->tuple.destination, ip->destination, 16);
	if (ip->version_and_class >> 4 != 6)
		return PARSE_MALFORMED;
	end = frame->segmented ? frame->length : at + IPV6_BYTES + bpf_ntohs(ip->payload_length);
	if (end > frame->length)
		return PARSE_MALFORMED;
	packet->hop_limit = ip->hop_limit;
	chain.protocol = ip->next_header;
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
