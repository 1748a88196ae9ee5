/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Part of layout.h: the image, which is one generation's tables.
 */
#ifndef PORTMATRIX_MAPS_IMAGE_LAYOUT_H_
#define PORTMATRIX_MAPS_IMAGE_LAYOUT_H_

#include "maps/terms.h"

#ifdef __cplusplus
extern "C" {
#endif

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
 * A search tree maps a key of up to 24 bits to a value. A block holds eight intervals: word[i] is the first key of interval i with
 * PM_TREE_GUARD set, ascending, PM_TREE_UNUSED where there is none; word[15 - i] the interval's value. The interval of a key is the
 * last one whose first key is not above it (interval 0 has no lower bound). On the lowest level the word is the value, above it the
 * number of the child block. A reference is block << 3 | levels, with 1 to PM_MAX_TREE_LEVELS levels.
 * Block 0 of the table is a tree of one level that maps every key to zero, so that reference 0 need not be special.
 * (A reference with no levels is read as block 0's.)
 *
 * Because of the guard, two first keys can be subtracted from at once as one number of 64 bits: a borrow ends at the guard, which
 * then says which is above; and the guards of eight such results add up without overflow.
 */
#define PM_TREE_FANOUT 8
#define PM_TREE_GUARD 0x08000000u
#define PM_TREE_UNUSED 0x0fffffffu
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
 * How one direction of one interface finds its rule: source_axis and destination_axis are word offsets into PM_TABLE_AXES, where each
 * address class has PM_AXIS_STRIDE(matchers) words, one for each of the direction's matchers in their order, so that one load
 * finds them all: of a source the rows, of a destination the columns. The first word of a source has PM_AXIS_LOCAL set where
 * the address is local to the interface. The tree reference stands in PM_TABLE_PAIRS at word
 * pairs + row * columns + column; or, where columns is zero, in a tree by column whose reference is word pairs + row. For
 * `in`, failsafe entries stand before the rules.
 *
 * Large policies have several matchers, each for a part of the rules: what matches first is the value with the lowest rule
 * number (a failsafe's is zero).
 */
struct pm_matcher {
	__u32 source_axis; /* the same for all matchers of the direction, and a multiple of the stride */
	__u32 destination_axis;
	__u32 pairs;
	__u32 columns;
};
PM_ASSERT_SIZE(pm_matcher, 16);
#define PM_MATCHERS 4
#define PM_AXIS_SHIFT(matchers) (((matchers) > 1) + ((matchers) > 2))
#define PM_AXIS_STRIDE(matchers) (1u << PM_AXIS_SHIFT(matchers))

#define PM_AXIS_LOCAL 0x80000000u

/*
 * Rules that name live sets. A side of such a rule is its prefixes or any of its live sets, so the rule stands once for each
 * way to meet both sides: among the ordinary matchers where it is prefixes on both, else in a live matcher, which has `any`
 * where a live set is meant. A direction asks a list of questions, each a byte: the number of a set, with
 * PM_LIVE_DESTINATION where the destination is asked for. A matcher counts where the answers have all that it needs (bit i:
 * question i). What matches first is the value with the lowest rule number, here too. Its axes are its own: one word a class.
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
	__u32 local_axis; /* the source axis of direction `in`, for PM_AXIS_LOCAL */
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
 * the one behind it, which is there only where keys have that bit. (Without it two keys can be
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
 * A narrow block maps a key of up to 15 bits to one of four values: as a search tree's block, but with its 20 first keys four to a
 * number, each with PM_NARROW_GUARD set, ascending; unused ones are all ones and their intervals repeat the last. Interval 0 begins at
 * zero, interval i + 1 at key i. Bits 2 * i and 2 * i + 1 of `choice` say which value has the interval with `i` first keys above
 * it, the last interval that is 0.
 */
#define PM_NARROW_FANOUT 21
#define PM_NARROW_VALUES 4
#define PM_NARROW_KEY_BITS 15
#define PM_NARROW_GUARD 0x8000u
#define PM_NARROW_ALL(lane) ((__u64)(lane)*0x0001000100010001ull)

struct pm_narrow_block {
	__u64 first[(PM_NARROW_FANOUT - 1) / 4];
	__u64 choice;
	__u32 value[PM_NARROW_VALUES];
};
PM_ASSERT_SIZE(pm_narrow_block, 64);

/*
 * A prefix block maps a key of up to 48 bits and the 64 bits behind it to the value of the first of its prefixes that contains
 * them, else to the last value. Unused prefixes repeat the first; where there is none all values are the last. The key's top 16 bits,
 * which are none of it, say how much of it counts: 16 more than how many of the key's last bits do not, in bits 58 to 63; how many of the
 * last bits of the second half do not, less one if they are all 64, in bits 52 to 57; and that one in bit 51.
 */
#define PM_PREFIXES 3
#define PM_PREFIX_KEY_BITS 48
#define PM_PREFIX_KEY(key, free, second_free)                                                                          \
	((key) | (__u64)(64 - PM_PREFIX_KEY_BITS + (free)) << 58 | (__u64)((second_free) - ((second_free) > 63)) << 52 |       \
	 (__u64)((second_free) > 63) << 51)
#define PM_PREFIX_SHIFT(first) ((first) >> 58)
#define PM_PREFIX_SECOND_SHIFT(first) ((first) >> 52 & 63)
#define PM_PREFIX_SECOND_SHIFT_MORE(first) ((first) >> 51 & 1)

struct pm_prefix_block {
	__u64 first[PM_PREFIXES];
	__u64 second[PM_PREFIXES];
	__u32 value[PM_PREFIXES + 1];
};
PM_ASSERT_SIZE(pm_prefix_block, 64);

/*
 * The address stage: from an address to its class. An address word is the class, or with PM_ADDRESS_TREE set the reference of a
 * tree (in PM_TABLE_ADDRESS_TREES) that maps bits of the address to an address word: with PM_ADDRESS_DEEPER set too the same bits
 * that led to the word, else the next ones.
 *
 * The first block of PM_TABLE_ADDRESSES says how each family's index is made, as suits the policy's prefixes: how many bits of the
 * key are left beside the index (`rest`), and where its words begin. Where prefixes are many, `roots` is not zero, and the index
 * names no words: block `roots` + index of PM_TABLE_ADDRESS_TREES maps the rest of the key to an address word. That is one line of
 * memory from far away, in place of a word's and a block's.
 *
 *   IPv4: the key is the address, of which at most 24 bits are left; the trees are search trees, the roots narrow blocks.
 *
 *   IPv6: the first bits, 32 to 56 of them as the image says, are spread by a multiplication that loses none, so that prefixes which
 *   share their beginning lie apart (PM_IPV6_SPREAD_KEY); the trees are wide ones. PM_ADDRESS_SHORTER stands for addresses that no
 *   prefix of at least so many bits is near to: on them the word at PM_ADDRESSES_SHORTER decides, a class or a wide tree by the
 *   first 64 bits as they are. The last 64 bits are the key of a wide tree once more. Roots are prefix blocks; with them the words
 *   hold bits, of which the key without its last `near` bits names one (bit i of word w is 32 * w + i): where it is zero, the
 *   address word is PM_ADDRESS_SHORTER and the root need not be read, which is what most addresses find.
 */
#define PM_ADDRESS_TREE 0x80000000u
#define PM_ADDRESS_DEEPER 0x40000000u
#define PM_ADDRESS_REFERENCE(word) ((word) & 0x3fffffffu)
#define PM_ADDRESS_GOES_DEEPER(word) ((word) >> 30 == 3)
#define PM_ADDRESS_SHORTER 0x7fffffffu
#define PM_ADDRESSES_IPV4 0       /* word of the first block: where IPv4's words begin */
#define PM_ADDRESSES_IPV4_REST 1  /* how many bits are left beside the index */
#define PM_ADDRESSES_IPV6 2       /* where IPv6's words begin */
#define PM_ADDRESSES_IPV6_REST 3  /* how many bits are left beside the index */
#define PM_ADDRESSES_UNSPREAD 4   /* how many of IPv6's first 64 bits are not spread */
#define PM_ADDRESSES_SHORTER 5    /* the word for IPv6 addresses near shorter prefixes only */
#define PM_ADDRESSES_IPV4_ROOTS 6 /* the first root block, zero: words */
#define PM_ADDRESSES_IPV6_ROOTS 7
#define PM_ADDRESSES_IPV6_NEAR 8 /* how many bits of a key are left beside its bit */

/*
 * The first 64 bits of an address as a key: all but the last `unspread` times an odd number, modulo what they can hold, so that no two
 * become one; the others as they are. The number is 2^64 divided by the golden ratio (Knuth, The Art of Computer Programming 3, 6.4).
 */
#define PM_IPV6_SPREAD 0x9e3779b97f4a7c15ull
#define PM_IPV6_SPREAD_KEY(half, unspread)                                                                             \
	(((((half) >> (unspread)) * PM_IPV6_SPREAD) << (unspread)) | ((half) & ((1ull << (unspread)) - 1)))

#ifdef __cplusplus
}
#endif

#endif /* PORTMATRIX_MAPS_IMAGE_LAYOUT_H_ */
