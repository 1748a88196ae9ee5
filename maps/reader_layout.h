/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Part of layout.h: counters, and what readers need beside them.
 */
#ifndef PORTMATRIX_MAPS_READER_LAYOUT_H_
#define PORTMATRIX_MAPS_READER_LAYOUT_H_

#include "maps/terms.h"

#ifdef __cplusplus
extern "C" {
#endif

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

#endif /* PORTMATRIX_MAPS_READER_LAYOUT_H_ */
