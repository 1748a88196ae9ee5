/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Part of layout.h: what the program knows between packets and no image holds: which generation judges, conversations,
 * fragments, live sets; and what it learns of one packet.
 */
#ifndef PORTMATRIX_MAPS_STATE_LAYOUT_H_
#define PORTMATRIX_MAPS_STATE_LAYOUT_H_

#include "maps/terms.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- The control word -----------------------------------------------------------------------------------------------
 *
 * One aligned 64-bit word, changed only by compare-and-swap: by the agent for every change, by the program for one
 * change only: a pending generation whose deadline has passed gives way to the previous one.
 *
 *   bits 0-1    judging slot
 *   bits 2-3    previous slot: where a pending change falls back to
 *   bits 4-5    enum pm_control_state
 *   bits 6-7    zero
 *   bits 8-23   sequence: one more with every swap (a swap never meets a word that it has seen)
 *   bits 24-63  deadline of a pending change in milliseconds of CLOCK_BOOTTIME (34 years)
 */
enum pm_control_state {
	PM_CONTROL_DETACHED = 0, /* nothing is in force: hooks that are still there pass, counted `unbound` */
	PM_CONTROL_SETTLED = 1,
	PM_CONTROL_PENDING = 2,     /* judging is on trial until the deadline */
	PM_CONTROL_ROLLED_BACK = 3, /* settled, by the program, after a deadline */
};

#define PM_CONTROL_JUDGING(word) ((__u32)((word)&3u))
#define PM_CONTROL_PREVIOUS(word) ((__u32)(((word) >> 2) & 3u))
#define PM_CONTROL_STATE(word) ((__u32)(((word) >> 4) & 3u))
#define PM_CONTROL_SEQUENCE(word) ((__u32)(((word) >> 8) & 0xffffu))
#define PM_CONTROL_DEADLINE(word) ((__u64)(word) >> 24)
#define PM_CONTROL(judging, previous, state, sequence, deadline)                                                       \
	((__u64)(judging) | ((__u64)(previous) << 2) | ((__u64)(state) << 4) |                                         \
	 (((__u64)(sequence)&0xffffu) << 8) | ((__u64)(deadline) << 24))

/* ---- Devices ---------------------------------------------------------------------------------------------------------
 *
 * The number of a hooked device by its ifindex: at one of the places from `ifindex` on, modulo their number, stands
 * PM_DEVICE_PLACE(ifindex, number), or zero where nothing does (no device has ifindex zero: dev_index_reserve, Linux
 * net/core/dev.c). A place is written in one store, while packets look; looking does not end at an empty place, so that entries
 * may go without the others being moved.
 */
#define PM_DEVICE_PLACES 512 /* a page; more than can be hooked, so that most stand where they are first looked for */
#define PM_DEVICE_TRIES 64
#define PM_DEVICE_PLACE(ifindex, number) (((__u64)(ifindex) << 32) | (__u64)(number))
#define PM_DEVICE_PLACE_IFINDEX(place) ((__u32)((place) >> 32))
#define PM_DEVICE_PLACE_NUMBER(place) ((__u32)(place))

struct pm_device_places {
	__u64 place[PM_DEVICE_PLACES];
};
PM_ASSERT_SIZE(pm_device_places, 4096);

/* ---- Packets, conversations, fragments ------------------------------------------------------------------------------ */

/*
 * The addresses and ports by which a packet is judged, and the key of a conversation (there it is the opening tuple, as
 * an `out` packet carries it). Protocols without ports have zeros. ICMP and ICMPv6: destination_port is
 * type << 8 | code, source_port the identifier of an echo request or reply and zero otherwise.
 */
struct pm_tuple {
	__u8 source[16];
	__u8 destination[16];
	__u16 source_port;
	__u16 destination_port;
	__u8 protocol;
	__u8 family;     /* 4 or 6; zero: no tuple */
	__u16 interface; /* owner number */
} __attribute__((aligned(4)));
PM_ASSERT_SIZE(pm_tuple, 40);

enum pm_fragment_kind {
	PM_WHOLE = 0,
	PM_FIRST = 1,
	PM_LATER = 2,
};

/* TCP flags as on the wire (RFC 9293, 3.1). */
#define PM_TCP_FIN 0x01
#define PM_TCP_SYN 0x02
#define PM_TCP_RST 0x04
#define PM_TCP_ACK 0x10

/* What the parser learnt of an IP packet: all that a judgement may depend on. */
struct pm_packet {
	struct pm_tuple tuple;
	struct pm_tuple embedded; /* of an ICMP error; family zero: none that could belong to a conversation */
	__u32 identification;     /* of a fragment */
	__u32 fragment_offset;    /* bytes */
	__u32 header_end;         /* of all headers up to the transport's, counted from the start of the fragmentable part */
	__u8 fragment;            /* enum pm_fragment_kind */
	__u8 opening;             /* SYN without ACK, SCTP INIT, echo request */
	__u8 tcp_flags;
	__u8 hop_limit;
	__u8 icmp_error;
	__u8 reserved[3];
};
PM_ASSERT_SIZE(pm_packet, 100);

enum pm_flow_flag {
	PM_FLOW_ANSWERED = 1,    /* a reply passed */
	PM_FLOW_ESTABLISHED = 2, /* TCP: an `out` packet other than the opening one was seen */
	PM_FLOW_FIN_OUT = 4,
	PM_FLOW_FIN_IN = 8,
	PM_FLOW_RESET = 16,
};

/*
 * A conversation that an `out` packet opened. Written by the program alone, on any processor at once: words are
 * aligned, flags change by atomic or/and, so that a reader sees each word whole but maybe words of two moments.
 */
struct pm_flow {
	__u64 opened_at;  /* nanoseconds of the program's clock (CLOCK_MONOTONIC, coarse) */
	__u64 last_out;   /* last `out` packet that made or refreshed the entry */
	__u64 closing_at; /* when it was reset, or its second FIN seen */
	__u64 generation; /* whose `out` rules allowed it last */
	__u32 slot;       /* of the rule that it counts for */
	__u32 flags;      /* enum pm_flow_flag */
};
PM_ASSERT_SIZE(pm_flow, 40);

/* Timeouts in nanoseconds (DESIGN 3.8). Expiry is reached when now >= expiry. */
#define PM_SECOND 1000000000ull
#define PM_TIMEOUT_TCP_SYN (60 * PM_SECOND)
#define PM_TIMEOUT_TCP_ESTABLISHED (7200 * PM_SECOND)
#define PM_TIMEOUT_TCP_FINS (30 * PM_SECOND)
#define PM_TIMEOUT_TCP_RESET (10 * PM_SECOND)
#define PM_TIMEOUT_ONE_WAY (30 * PM_SECOND)
#define PM_TIMEOUT_ANSWERED (180 * PM_SECOND)
#define PM_TIMEOUT_ECHO (30 * PM_SECOND)
#define PM_TIMEOUT_FRAGMENT (30 * PM_SECOND)

struct pm_fragment_key {
	__u8 source[16];
	__u8 destination[16];
	__u32 identification;
	__u16 interface; /* owner number */
	__u8 direction;
	__u8 family;
	__u8 protocol; /* IPv4's; zero for IPv6, where the chain of a later fragment does not name it */
	__u8 reserved[3];
};
PM_ASSERT_SIZE(pm_fragment_key, 44);

/*
 * What was decided on a packet, and why. Of first fragments it is kept: later ones take it, or have `first` judged again
 * by a newer generation.
 */
struct pm_fragment {
	__u64 first_at;
	__u64 generation;
	__u32 slot; /* valid for reasons `rule` and `reply` */
	__u8 verdict;
	__u8 reason;
	__u16 headers; /* bytes before the payload of the packet's transport, from the frame's start; zero when stored */
	struct pm_packet first;
	__u16 along; /* reason `reply` though it travels in the rule's direction: an error about answers to the rule's side */
	__u16 on_behalf; /* judging `first` again for a later fragment: leaves conversations as they are; zero when stored */
};
PM_ASSERT_SIZE(pm_fragment, 128);

/* ---- Live sets: what comes and goes at run time ---------------------------------------------------------------------
 *
 * Map `live_hosts` has a hash map for each set, by set number, and `live_prefixes` an LPM trie. An entry for one address stands in
 * the first, any other in the second; both have this key and value. The content is state and no part of a generation: written
 * by the agent alone, each entry at one moment.
 */
struct pm_live_key {
	__u32 bits;   /* of family and address that count: 32 + prefix length */
	__u32 family; /* 4 or 6 */
	__u8 address[16];
};
PM_ASSERT_SIZE(pm_live_key, 24);

#define PM_LIVE_FOREVER (~0ull)

struct pm_live_entry {
	/* Nanoseconds of the program's clock (CLOCK_MONOTONIC); the entry counts while now < until. In the trie this is the latest of
	 * its own and those of all entries around it, because a lookup finds the innermost alone. */
	__u64 until;
	__u64 own_until;
	__u64 added_at; /* nanoseconds of CLOCK_REALTIME */
	__u32 uid;      /* who added it */
	__u32 reserved;
};
PM_ASSERT_SIZE(pm_live_entry, 32);

#ifdef __cplusplus
}
#endif

#endif /* PORTMATRIX_MAPS_STATE_LAYOUT_H_ */
