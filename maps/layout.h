/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The contract between the kernel program and everything in user space: every struct, enum and constant that both
 * sides see is defined here and nowhere else. It compiles as C11 for the BPF target and as C++20 for the agent.
 *
 * Byte order: host order, but for addresses, which stand as on the wire. An IPv4 address fills the first four bytes of a
 * sixteen-byte field and the rest is zero. Padding is explicit and always written as zero, because structs serve as keys.
 *
 * Zero is drop: the zero value of each enum is the outcome that lets nothing pass.
 */
#ifndef PORTMATRIX_MAPS_LAYOUT_H_
#define PORTMATRIX_MAPS_LAYOUT_H_

#include <linux/types.h>

#ifdef __cplusplus
#define PM_ASSERT_SIZE(type, size) static_assert(sizeof(struct type) == (size), #type)
extern "C" {
#else
#define PM_ASSERT_SIZE(type, size) _Static_assert(sizeof(struct type) == (size), #type)
#endif

/* The version in the pin path. It changes when a map that outlives an agent changes its shape. */
#define PM_SCHEMA 1

/* ---- Directions, verdicts, reasons ------------------------------------------------------------------------------ */

enum pm_direction {
	PM_IN = 0,  /* received by the device: judged by XDP */
	PM_OUT = 1, /* sent by the device: judged by TC */
	PM_DIRECTIONS = 2,
};

enum pm_verdict {
	PM_DROP = 0,
	PM_PASS = 1,
};

/*
 * The closed list of reasons: X(identifier, word). Drops, metrics, events and JSON take their words from here.
 * `internal` stands first so that a judgement nobody filled in is one.
 */
#define PM_REASONS(X)                                                                                                  \
	X(INTERNAL, "internal")   /* a helper or lookup that cannot fail and did */                                    \
	X(RULE, "rule")           /* counted by the rule, not by the reason */                                         \
	X(REPLY, "reply")         /* counted by the rule that allowed the conversation */                              \
	X(FAILSAFE, "failsafe")                                                                                        \
	X(NEIGHBOUR, "neighbour")                                                                                      \
	X(DHCP, "dhcp")                                                                                                \
	X(ETHERTYPE, "ethertype")                                                                                      \
	X(UNBOUND, "unbound")     /* hooked device that the judging generation does not bind */                        \
	X(DEFAULT, "default")                                                                                          \
	X(MALFORMED, "malformed")                                                                                      \
	X(VLAN, "vlan")                                                                                                \
	X(SPOOFED, "spoofed")                                                                                          \
	X(FRAGMENT, "fragment")

enum pm_reason {
#define X(identifier, word) PM_REASON_##identifier,
	PM_REASONS(X)
#undef X
	PM_REASON_COUNT,
};

/*
 * Failures of kernel helpers, each counted by itself beside the sum: X(identifier, word).
 */
#define PM_FAULTS(X)                                                                                                   \
	X(PACKET_LOAD, "packet_load")         /* bytes inside the packet could not be read: drop, internal */           \
	X(TABLE_MISSING, "table_missing")     /* a table or an index of the judging image is absent: drop, internal */  \
	X(COUNTER_MISSING, "counter_missing") /* a counter slot beyond its map */                                       \
	X(FLOW_INSERT, "flow_insert")         /* the packet passes, its conversation has no entry */                    \
	X(FRAGMENT_INSERT, "fragment_insert") /* the first passes, its later fragments will drop */                     \
	X(CONTROL_SWAP, "control_swap")       /* another processor decided a pending change first: no error */

enum pm_fault {
#define X(identifier, word) PM_FAULT_##identifier,
	PM_FAULTS(X)
#undef X
	PM_FAULT_COUNT,
};

/* ---- Limits ------------------------------------------------------------------------------------------------------ */

#define PM_SLOTS 4          /* generations that the maps can hold: judging, previous, being built, and one spare */
#define PM_MAX_INTERFACES 64 /* owner numbers 0..63 */
#define PM_MAX_DEVICES 64    /* owner numbers 64..127 */
#define PM_OWNERS (PM_MAX_INTERFACES + PM_MAX_DEVICES)
#define PM_MAX_ETHERTYPES 8 /* on one interface's list */
#define PM_MAX_LIVE_SETS 64     /* numbers 0..63 */
#define PM_MAX_LIVE_QUESTIONS 64 /* of one direction of an interface: each set once a side */
#define PM_MAX_LIVE_MATCHERS 32 /* of one direction of an interface */
#define PM_MAX_TREE_LEVELS 7 /* 8^7 intervals of a search tree */
#define PM_MAX_WIDE_LEVELS 9 /* 6^9 intervals in each half of a wide tree: 5,000,000 prefixes that do not touch */
#define PM_MAX_EXTENSION_HEADERS 8
#define PM_MAX_RULE_INDEX 0x00fffffe

/* ---- The image: one generation's tables ---------------------------------------------------------------------------
 *
 * Every table is an array of 64-byte blocks, one cache line each, so that one map type carries all
 * of them and a generation is published by one batch. A table of u32 words keeps word i in block i / 16.
 */

#define PM_BLOCK_WORDS 16

struct pm_block {
	__u32 word[PM_BLOCK_WORDS];
};
PM_ASSERT_SIZE(pm_block, 64);

enum pm_table {
	PM_TABLE_DEVICES = 0,    /* pm_device by device number, 4 a block */
	PM_TABLE_INTERFACES = 1, /* pm_interface by interface index of this image, 1 a block */
	PM_TABLE_AXES = 2,       /* words: address class to row or column */
	PM_TABLE_PAIRS = 3,      /* words: row and column to tree reference */
	PM_TABLE_TREES = 4,      /* blocks of search trees */
	PM_TABLE_RULES = 5,      /* pm_rule by rule index of this image, 4 a block */
	PM_TABLE_ADDRESSES = 6,  /* words: the beginning of an address to an address word */
	PM_TABLE_ADDRESS_TREES = 7, /* blocks of search trees for the rest of it */
	PM_TABLE_MATCHERS = 8, /* pm_matcher, PM_MATCHERS a block: block 2 * interface index + direction */
	PM_TABLE_LIVE = 9, /* by pm_interface.live_at: a block of questions, then pm_live_matcher, 2 a block */
	PM_TABLE_COUNT = 10,
};
#define PM_TABLES_PER_SLOT 16 /* stride in the outer map: index = slot * 16 + table */

/*
 * A search tree maps a key of up to 32 bits to a value. A block holds eight intervals: word[0..7] are the first keys of the
 * intervals, ascending, padded with PM_TREE_UNUSED; word[8..15] the values, padded with the last one in use. The interval of
 * a key is the last one whose first key is not above it (interval 0 has no lower bound). On the lowest level the word is the value, above it the
 * number of the child block. A reference is block << 3 | levels, with 1 to PM_MAX_TREE_LEVELS levels.
 * Block 0 of the table is a tree of one level that maps every key to zero, so that reference 0 need not be special.
 * (A reference with no levels is read as block 0's.)
 */
#define PM_TREE_FANOUT 8
#define PM_TREE_UNUSED 0xffffffffu
#define PM_TREE_LEVELS(reference) ((reference) & 7u)
#define PM_TREE_BLOCK(reference) ((reference) >> 3)

/* Key of the service tree: protocol << 16 | destination port (TCP, UDP, SCTP), type << 8 | code (ICMP, ICMPv6), else 0. */
#define PM_SERVICE_KEY(protocol, port) (((__u32)(protocol) << 16) | (__u32)(port))
/* Key of a device's VLAN tree: outer tag << 12 | inner tag, VIDs as on the wire, inner 0 where there is one tag. */
#define PM_VLAN_KEY(outer, inner) (((__u32)(outer) << 12) | (__u32)(inner))

/*
 * Value found in a service tree: zero is "no rule". With PM_VALUE_SOURCE_PORTS set the other bits are the reference of
 * a tree whose key is the source port; its values are the final ones.
 * Final value: rule index + 1 in the low 24 bits, the action in bits 24 and 25. A failsafe has no rule and index 0.
 */
#define PM_VALUE_SOURCE_PORTS 0x80000000u
#define PM_VALUE(action, index_plus_one) (((__u32)(action) << 24) | (__u32)(index_plus_one))
#define PM_VALUE_ACTION(value) (((value) >> 24) & 3u)
#define PM_VALUE_RULE(value) ((value) & 0x00ffffffu)
/* No tree holds this: the kernel's lookup found a table or an index missing. */
#define PM_VALUE_BROKEN 0xffffffffu

enum pm_action {
	PM_ACTION_NONE = 0, /* no rule matches */
	PM_ACTION_DENY = 1,
	PM_ACTION_ALLOW = 2,
	PM_ACTION_FAILSAFE = 3,
};

/*
 * How one direction of one interface finds its rule. source_axis and destination_axis are word offsets into
 * PM_TABLE_AXES, indexed by address class; the destination word is a column, the source word a row with
 * PM_AXIS_LOCAL set where the address is local to the interface. The tree reference stands in PM_TABLE_PAIRS at word
 * pairs + row * columns + column; or, where columns is zero, in a tree by column whose reference is word pairs + row. For
 * `in`, failsafe entries stand before the rules.
 *
 * Large policies have several matchers, each for a part of the rules: what matches first is the value with the lowest rule
 * number (a failsafe's is zero).
 */
struct pm_matcher {
	__u32 source_axis;
	__u32 destination_axis;
	__u32 pairs;
	__u32 columns;
};
PM_ASSERT_SIZE(pm_matcher, 16);
#define PM_MATCHERS 4

#define PM_AXIS_LOCAL 0x80000000u

/*
 * Rules that name live sets. A side of such a rule is its prefixes or any of its live sets, so the rule stands once for each
 * way to meet both sides: among the ordinary matchers where it is prefixes on both, else in a live matcher, which has `any`
 * where a live set is meant. A direction asks a list of questions, each a byte: the number of a set, with
 * PM_LIVE_DESTINATION where the destination is asked for. A matcher counts where the answers have all that it needs (bit i:
 * question i). What matches first is the value with the lowest rule number, here too.
 */
struct pm_live_matcher {
	struct pm_matcher matcher;
	__u64 needs;
	__u64 reserved;
};
PM_ASSERT_SIZE(pm_live_matcher, 32);
#define PM_LIVE_DESTINATION 0x80
#define PM_LIVE_MATCHERS_PER_BLOCK 2

struct pm_interface {
	__u16 owner;          /* number of the policy interface, the same in every generation */
	__u8 audit;           /* mode: audit */
	__u8 default_verdict; /* enum pm_verdict */
	__u8 dhcp_client;
	__u8 router_advertisements; /* 1: accept */
	__u8 ethertype_count;
	__u8 reserved;
	__u64 generation; /* number of the generation; stamps conversations and fragments */
	__u32 index;      /* of this interface in the image */
	__u32 local_axis; /* word offset into PM_TABLE_AXES, by address class: PM_AXIS_LOCAL where the address is local */
	__u32 matchers[PM_DIRECTIONS]; /* how many */
	__u32 live_first[PM_DIRECTIONS]; /* lowest rule index + 1 that depends on a live set; zero: none does */
	__u16 live_at[PM_DIRECTIONS]; /* block in PM_TABLE_LIVE */
	__u8 live_questions[PM_DIRECTIONS]; /* how many */
	__u8 live_matchers[PM_DIRECTIONS]; /* how many */
	__u16 ethertype[PM_MAX_ETHERTYPES];
};
PM_ASSERT_SIZE(pm_interface, 64);

/* What the judging generation does with a hooked device. All zero: the device is not bound. */
struct pm_device {
	__u32 bound;
	__u32 untagged; /* interface index + 1 for frames without a tag, zero: none */
	__u32 any;      /* interface index + 1 for frames that nothing else selects, zero: none */
	__u32 tagged;   /* tree reference: PM_VLAN_KEY to interface index + 1 */
};
PM_ASSERT_SIZE(pm_device, 16);
#define PM_DEVICES_PER_BLOCK 4

struct pm_rule {
	__u32 slot; /* counter slot: the rule's stable number */
	__u8 action; /* enum pm_action */
	__u8 log;
	__u16 reserved;
	__u32 reserved_words[2];
};
PM_ASSERT_SIZE(pm_rule, 16);
#define PM_RULES_PER_BLOCK 4

/*
 * A wide tree maps a key of 64 bits to a value. Its reference is block << 4 | levels, with 1 to PM_MAX_WIDE_LEVELS levels, and
 * otherwise as a search tree's; its blocks hold six intervals: first[i] is where interval i + 1 begins, without the key's top bit and
 * padded with PM_WIDE_UNUSED; unused values repeat the last. The top bit chooses the root: the block that the reference names, or
 * the one behind it. (Without that bit two keys can be
 * compared by the sign of their difference.)
 */
#define PM_WIDE_FANOUT 6
#define PM_WIDE_LEVELS(reference) ((reference) & 15u)
#define PM_WIDE_BLOCK(reference) ((reference) >> 4)
#define PM_WIDE_UNUSED 0x7fffffffffffffffull

struct pm_wide_block {
	__u64 first[PM_WIDE_FANOUT - 1];
	__u32 value[PM_WIDE_FANOUT];
};
PM_ASSERT_SIZE(pm_wide_block, 64);

/*
 * The address stage: from an address, most significant bits first, to its class. An address word is the class, or with
 * PM_ADDRESS_TREE set the reference of a tree (in PM_TABLE_ADDRESS_TREES) that maps the next bits to an address word.
 *
 *   IPv4: the first 16 bits are the index of an address word in PM_TABLE_ADDRESSES, the other 16 the key of a search tree.
 *   IPv6: the word at PM_ADDRESSES_IPV6 stands for no bits; each half of the address is the key of a wide tree.
 */
#define PM_ADDRESS_TREE 0x80000000u
#define PM_ADDRESSES_IPV6 0x10000u

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

/* ---- Counters (all in per-CPU arrays; each u64 is written whole and only grows) ------------------------------------ */

struct pm_rule_counter { /* by rule slot */
	__u64 packets;   /* travelled in the rule's direction */
	__u64 bytes;
	__u64 reply_packets; /* travelled in the other one */
	__u64 reply_bytes;
	__u64 last_hit; /* nanoseconds of the program's clock, of either */
};
PM_ASSERT_SIZE(pm_rule_counter, 40);

struct pm_reason_counter { /* by (owner * 2 + direction) * PM_REASON_COUNT + reason */
	__u64 dropped_packets;
	__u64 dropped_bytes;
	__u64 audited_packets;
	__u64 audited_bytes;
	__u64 passed_packets;
	__u64 passed_bytes;
};
PM_ASSERT_SIZE(pm_reason_counter, 48);

struct pm_seen_counter { /* by owner * 2 + direction; also the shape of `retired` */
	__u64 packets;
	__u64 bytes;
};
PM_ASSERT_SIZE(pm_seen_counter, 16);

/* ---- What readers need beside the counters -------------------------------------------------------------------------- */

#define PM_NAME_BYTES 64       /* names have at most 63 bytes */
#define PM_RULE_KEY_BYTES 192  /* interface/matrix/id and a zero byte */
#define PM_DEVICE_NAME_BYTES 16 /* IFNAMSIZ */
#define PM_FINGERPRINT_BYTES 32
#define PM_PATH_BYTES 512 /* with a zero byte */

/*
 * Retiring rules: their counts move to `retired`, by bank, owner and direction, and their slots become free. Map
 * `retirements` holds one number E, written by the agent alone; bank E % 2 of `retired` is the one that counts. A
 * retirement (1) marks the names of its rules with E + 1, (2) writes the sums into the other bank, (3) writes E + 1,
 * which is its instant, (4) clears the slots and removes the names. Killed before (3) nothing happened; after (3)
 * step 4 is done again. A reader takes E, then everything else, then E again, and begins anew where it has changed;
 * a rule whose mark is not above E is in `retired`, whatever its slot still holds.
 */
#define PM_RETIRED_BANKS 2
#define PM_RETIRED_INDEX(retirements, owner, direction)                                                                \
	((((__u32)(retirements) % PM_RETIRED_BANKS) * PM_OWNERS + (owner)) * PM_DIRECTIONS + (direction))

/* Map `names`: rule slot to name. A rule stands in a generation at position - 1 of the policy's order; zero: not in it. */
struct pm_rule_name {
	char key[PM_RULE_KEY_BYTES];
	__u16 owner; /* interface */
	__u8 direction;
	__u8 reserved;
	__u32 retired_at; /* zero: it counts; else see above */
	__u32 position[PM_SLOTS];
};
PM_ASSERT_SIZE(pm_rule_name, 216);

/* Map `owners`: owner number to the name of an interface (below PM_MAX_INTERFACES) or device (from there on). */
struct pm_owner_name {
	char name[PM_NAME_BYTES];       /* empty: number not given out */
	__u32 position[PM_SLOTS];       /* as in pm_rule_name */
};
PM_ASSERT_SIZE(pm_owner_name, 80);

/* Map `live_sets`: set number to name. */
struct pm_live_set {
	char name[PM_NAME_BYTES]; /* empty: number not given out */
	__u32 capacity;           /* entries that its maps have room for */
	__u32 reserved;
};
PM_ASSERT_SIZE(pm_live_set, 72);

/* Map `generations`: what a slot holds. Written before the control word names the slot. */
struct pm_generation {
	__u64 number; /* 1, 2, ...; zero: empty */
	__u64 installed_at; /* nanoseconds of CLOCK_REALTIME */
	char node[PM_NAME_BYTES];
	__u8 fingerprint[PM_FINGERPRINT_BYTES]; /* SHA-256 of the policy's content, see agent/generation.h */
};
PM_ASSERT_SIZE(pm_generation, 112);

/* Map `attachments`: device number to how it is hooked. Written by the agent. */
struct pm_attachment {
	char device[PM_DEVICE_NAME_BYTES];
	__u32 ifindex; /* zero: not attached */
	__u8 xdp_mode; /* enum pm_xdp_mode */
	__u8 tc_kind;  /* enum pm_tc_kind */
	__u16 reserved;
	__u32 tc_handle; /* clsact only */
	__u32 tc_priority;
	__u32 tc_program_id;
	__u32 reserved_word;
	__u64 attached_at; /* nanoseconds of CLOCK_REALTIME */
};
PM_ASSERT_SIZE(pm_attachment, 48);

enum pm_xdp_mode { PM_XDP_NONE = 0, PM_XDP_NATIVE = 1, PM_XDP_GENERIC = 2 };
enum pm_tc_kind { PM_TC_NONE = 0, PM_TC_TCX = 1, PM_TC_CLSACT = 2 };

/* Map `identity`, one entry: what these pins are. */
struct pm_identity {
	__u32 schema;
	__u32 reserved;
	__u8 program_fingerprint[PM_FINGERPRINT_BYTES]; /* SHA-256 of the BPF object that is attached */
	char state_directory[PM_PATH_BYTES]; /* of the agent that made or adopted them; empty: it has none */
};
PM_ASSERT_SIZE(pm_identity, 552);

/* ---- Reports: only in programs loaded for `trace` and `replay`, which set it as a constant --------------------------- */

struct pm_report {
	__u64 packets; /* one more with each judged packet */
	__u32 slot;    /* of the rule, for reasons `rule` and `reply` */
	__u32 owner;   /* interface or device that counted */
	__u8 verdict;  /* the packet's fate, audit included */
	__u8 reason;
	__u8 audited;   /* would have dropped */
	__u8 direction;
	__u32 bytes;
};
PM_ASSERT_SIZE(pm_report, 24);

#ifdef __cplusplus
}
#endif

#endif /* PORTMATRIX_MAPS_LAYOUT_H_ */
