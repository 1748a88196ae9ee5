/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The link layer: Ethernet header, VLAN tags, Ethertype. */
#ifndef PORTMATRIX_BPF_ETHERNET_H_
#define PORTMATRIX_BPF_ETHERNET_H_

#include "bpf/load.h"

#define ETHERNET_BYTES 14
#define ETHERTYPE_OFFSET 12
#define TAG_BYTES 4
#define MAX_TAGS 2
#define ETHERTYPE_8021Q 0x8100  /* IEEE 802.1Q C-tag */
#define ETHERTYPE_8021AD 0x88a8 /* IEEE 802.1ad S-tag */
#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86dd
#define ETHERTYPE_LEAST 0x0600 /* below stands a length (IEEE 802.3) */
#define VID_MASK 0x0fff

enum parse_result {
	PARSE_OK = 0,
	PARSE_MALFORMED,
	PARSE_INTERNAL, /* bytes inside the packet could not be read */
};

struct link_layer {
	__u32 end;       /* where the payload begins */
	__u32 tag_count; /* priority tags included */
	__u16 outer;     /* VIDs without priority tags; zero: none */
	__u16 inner;
	__u16 ethertype; /* zero: a length */
};

static __always_inline void add_tag(struct link_layer *link, __u16 tci)
{
	__u16 vid = tci & VID_MASK;

	link->tag_count++;
	if (!vid)
		return;
	if (link->outer)
		link->inner = vid;
	else
		link->outer = vid;
}

/* `link` starts as zeros, but for a tag that travels beside the frame, which the caller has added. */
static __always_inline int parse_link(const struct frame *frame, struct link_layer *link)
{
	__be16 type, tag[2];
	int i;

	if (frame->length < ETHERNET_BYTES)
		return PARSE_MALFORMED;
	if (load(frame, ETHERTYPE_OFFSET, &type, sizeof(type)))
		return PARSE_INTERNAL;
	link->end = ETHERNET_BYTES;

	for (i = 0; i <= MAX_TAGS; i++) {
		if (type != bpf_htons(ETHERTYPE_8021Q) && type != bpf_htons(ETHERTYPE_8021AD))
			break;
		if (link->tag_count == MAX_TAGS || frame->length < link->end + TAG_BYTES)
			return PARSE_MALFORMED;
		if (load(frame, link->end, tag, sizeof(tag)))
			return PARSE_INTERNAL;
		add_tag(link, bpf_ntohs(tag[0]));
		type = tag[1];
		link->end += TAG_BYTES;
	}
	link->ethertype = bpf_ntohs(type);
	if (link->ethertype < ETHERTYPE_LEAST)
		link->ethertype = 0;
	return PARSE_OK;
}

#endif /* PORTMATRIX_BPF_ETHERNET_H_ */
