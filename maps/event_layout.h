/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The part of the contract (maps/layout.h) that is about events: what the program tells of single packets.
 *
 * Told of are packets that drop, or that only `audit` lets pass, and those that a rule with `log` is credited with; while
 * somebody listens, and within a budget for each source: a rule, or a reason of one owner and direction. What finds no budget is
 * suppressed, what finds no room in the ring is lost; both are counted, in packets.
 */
#ifndef PORTMATRIX_MAPS_EVENT_LAYOUT_H_
#define PORTMATRIX_MAPS_EVENT_LAYOUT_H_

#include "maps/layout.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Whether a rule logs goes with its slot: in a conversation's flags (beside enum pm_flow_flag), and in a judgement. */
#define PM_FLOW_LOG 32
#define PM_JUDGED_LOGS(fragment) ((fragment)->first.reserved[0])

#define PM_EVENT_HEAD_BYTES 128

struct pm_event {
	__u64 time;       /* nanoseconds of CLOCK_MONOTONIC, or of a clock that is given */
	__u64 generation; /* that judged; zero: none that names an interface */
	__u32 slot;       /* of the rule, for reasons `rule` and `reply` */
	__u32 packets;    /* more than one: a super-packet */
	__u32 bytes;      /* of all of them on the wire, as they are counted */
	__u32 length;     /* of the frame, from its Ethernet header on, without a tag beside it */
	struct pm_tuple tuple; /* what was read of it: zeros where it is not IP or was malformed before that */
	__u16 owner;       /* interface or device that counted */
	__u16 ethertype;   /* zero: a length, or not known */
	__u16 outer;       /* VIDs without priority tags; zero: none */
	__u16 inner;
	__u16 tag_type;    /* of a tag that travels beside the frame; zero: none */
	__u16 tag_control; /* priority and VID of that tag */
	__u16 head_bytes;
	__u8 device; /* number */
	__u8 direction;
	__u8 verdict; /* the packet's fate, audit included */
	__u8 reason;
	__u8 audited; /* would have dropped */
	__u8 tag_count; /* priority tags included */
	__u8 tcp_flags;
	__u8 fragment; /* enum pm_fragment_kind */
	__u16 reserved;
	__u8 head[PM_EVENT_HEAD_BYTES]; /* the frame's beginning; zeros behind head_bytes */
};
PM_ASSERT_SIZE(pm_event, 224);

/* Sources: reasons as in `reason_counters`, then rules by slot. */
#define PM_EVENT_SOURCES_OF_REASONS (PM_OWNERS * PM_DIRECTIONS * PM_REASON_COUNT)

/* Map `event_settings`, one entry, written by the agent alone. Nobody who dies leaves it on: it names an end. */
struct pm_event_settings {
	__u64 until;  /* nanoseconds of the program's clock: before it somebody listens */
	__u32 budget; /* events of one source in one interval, at most PM_MOST_EVENT_BUDGET */
	__u32 reserved;
};
PM_ASSERT_SIZE(pm_event_settings, 16);

/*
 * Map `event_budgets`, by source: number of the interval << 24 | how many took part in it, which may go beyond the budget by the
 * number of processors. Changed by the program alone: compare-and-swap to the next interval, addition within it.
 */
#define PM_EVENT_INTERVAL PM_SECOND
#define PM_EVENT_TAKEN_BITS 24
#define PM_MOST_EVENT_BUDGET 1000000

/* Map `event_totals`, one entry a processor; `suppressed_events` has the second by source. */
struct pm_event_totals {
	__u64 emitted; /* packets */
	__u64 suppressed;
	__u64 lost;
};
PM_ASSERT_SIZE(pm_event_totals, 24);

#ifdef __cplusplus
}
#endif

#endif /* PORTMATRIX_MAPS_EVENT_LAYOUT_H_ */
