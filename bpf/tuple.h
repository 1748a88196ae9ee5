/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A tuple seen from the other side. */
#ifndef PORTMATRIX_BPF_TUPLE_H_
#define PORTMATRIX_BPF_TUPLE_H_

#include "bpf/kernel.h"
#include "bpf/protocols.h"

static __always_inline bool is_icmp(const struct pm_tuple *tuple)
{
	return tuple->protocol == PROTOCOL_ICMP || tuple->protocol == PROTOCOL_ICMPV6;
}

static __always_inline bool is_echo_request(const struct pm_tuple *tuple)
{
	return tuple->destination_port == (tuple->family == 4 ? ICMP_ECHO_REQUEST : ICMPV6_ECHO_REQUEST);
}

/* Fills `reversed` with the tuple of an answer to `tuple`. False: there is none (ICMP that is no echo). */
static __always_inline bool reverse(const struct pm_tuple *tuple, struct pm_tuple *reversed)
{
	__builtin_memcpy(reversed->source, tuple->destination, 16);
	__builtin_memcpy(reversed->destination, tuple->source, 16);
	reversed->protocol = tuple->protocol;
	reversed->family = tuple->family;
	reversed->interface = tuple->interface;
	if (!is_icmp(tuple)) {
		reversed->source_port = tuple->destination_port;
		reversed->destination_port = tuple->source_port;
		return true;
	}
	reversed->source_port = tuple->source_port;
	switch (tuple->destination_port) {
	case ICMP_ECHO_REQUEST:
		reversed->destination_port = ICMP_ECHO_REPLY;
		return tuple->family == 4;
	case ICMP_ECHO_REPLY:
		reversed->destination_port = ICMP_ECHO_REQUEST;
		return tuple->family == 4;
	case ICMPV6_ECHO_REQUEST:
		reversed->destination_port = ICMPV6_ECHO_REPLY;
		return tuple->family == 6;
	case ICMPV6_ECHO_REPLY:
		reversed->destination_port = ICMPV6_ECHO_REQUEST;
		return tuple->family == 6;
	}
	reversed->destination_port = 0;
	return false;
}

#endif /* PORTMATRIX_BPF_TUPLE_H_ */
