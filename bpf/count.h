/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Counting: every packet adds to `seen` of its owner and direction, and to exactly one of its rule and its reason. All counters are
 * per processor; a hook runs with softirqs off, so nothing else writes them meanwhile.
 */
#ifndef PORTMATRIX_BPF_COUNT_H_
#define PORTMATRIX_BPF_COUNT_H_

#include "bpf/clock.h"
#include "bpf/fault.h"

/* What a packet weighs: more than one on send, where a super-packet is many on the wire. */
struct weight {
	__u32 packets;
	__u32 bytes;
};

static __always_inline void count_seen(__u32 owner, __u32 direction, struct weight weight)
{
	__u32 index = owner * PM_DIRECTIONS + direction;
	struct pm_seen_counter *seen = bpf_map_lookup_elem(&seen_counters, &index);

	if (!seen) {
		count_fault(PM_FAULT_COUNTER_MISSING);
		return;
	}
	seen->packets += weight.packets;
	seen->bytes += weight.bytes;
}

static __always_inline void count_rule(__u32 slot, bool reply, struct weight weight, __u64 now)
{
	struct pm_rule_counter *counter = bpf_map_lookup_elem(&rule_counters, &slot);

	if (!counter) {
		count_fault(PM_FAULT_COUNTER_MISSING);
		return;
	}
	if (reply) {
		counter->reply_packets += weight.packets;
		counter->reply_bytes += weight.bytes;
	} else {
		counter->packets += weight.packets;
		counter->bytes += weight.bytes;
	}
	counter->last_hit = now;
}

enum outcome {
	DROPPED,
	AUDITED, /* passed, but would have dropped */
	PASSED,
};

static __always_inline void count_reason(__u32 owner, __u32 direction, __u32 reason, enum outcome outcome,
					 struct weight weight)
{
	__u32 index = (owner * PM_DIRECTIONS + direction) * PM_REASON_COUNT + reason;
	struct pm_reason_counter *counter = bpf_map_lookup_elem(&reason_counters, &index);

	if (!counter) {
		count_fault(PM_FAULT_COUNTER_MISSING);
		return;
	}
	if (outcome == DROPPED) {
		counter->dropped_packets += weight.packets;
		counter->dropped_bytes += weight.bytes;
	} else if (outcome == AUDITED) {
		counter->audited_packets += weight.packets;
		counter->audited_bytes += weight.bytes;
	} else {
		counter->passed_packets += weight.packets;
		counter->passed_bytes += weight.bytes;
	}
}

#endif /* PORTMATRIX_BPF_COUNT_H_ */
