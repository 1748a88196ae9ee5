/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Part of layout.h: directions, verdicts, reasons and faults, and the numbers that bound everything else.
 */
#ifndef PORTMATRIX_MAPS_TERMS_H_
#define PORTMATRIX_MAPS_TERMS_H_

#include <linux/types.h>

#ifdef __cplusplus
#define PM_ASSERT_SIZE(type, size) static_assert(sizeof(struct type) == (size), #type)
extern "C" {
#else
#define PM_ASSERT_SIZE(type, size) _Static_assert(sizeof(struct type) == (size), #type)
#endif

/* The version in the pin path. It changes when a map that outlives an agent changes its shape, or what is in it. */
#define PM_SCHEMA 3

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
#define PM_MAX_WIDE_LEVELS 9 /* 6^9 intervals of a wide tree, in each half where it has two: 2,500,000 prefixes that lie apart */
#define PM_MAX_EXTENSION_HEADERS 8
#define PM_MAX_RULE_INDEX 0x00fffffe

#ifdef __cplusplus
}
#endif

#endif /* PORTMATRIX_MAPS_TERMS_H_ */
