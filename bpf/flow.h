/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Conversations. Only `out` packets that an `out` rule allowed make or refresh an entry; replies set flags in it; a change
 * of generation has its opening tuple judged again before it counts.
 */
#ifndef PORTMATRIX_BPF_FLOW_H_
#define PORTMATRIX_BPF_FLOW_H_

#include "bpf/match.h"
#include "bpf/tuple.h"

#define PM_FLOW_FINS (PM_FLOW_FIN_OUT | PM_FLOW_FIN_IN)

static __always_inline __u64 flow_expiry(const struct pm_flow *flow, const struct pm_tuple *key)
{
	__u64 last_out = flow->last_out, closing_at = flow->closing_at;

	if (key->protocol == PROTOCOL_TCP) {
		if (flow->flags & PM_FLOW_RESET)
			return closing_at + PM_TIMEOUT_TCP_RESET;
		if ((flow->flags & PM_FLOW_FINS) == PM_FLOW_FINS)
			return (closing_at > last_out ? closing_at : last_out) + PM_TIMEOUT_TCP_FINS;
		if (!(flow->flags & PM_FLOW_ESTABLISHED))
			return last_out + PM_TIMEOUT_TCP_SYN;
		return last_out + PM_TIMEOUT_TCP_ESTABLISHED;
	}
	if (is_icmp(key))
		return last_out + PM_TIMEOUT_ECHO;
	if (flow->flags & PM_FLOW_ANSWERED)
		return last_out + PM_TIMEOUT_ANSWERED;
	return last_out + PM_TIMEOUT_ONE_WAY;
}

/* Adds flags, and the time when they close the conversation. */
static __always_inline void flow_mark(struct pm_flow *flow, __u32 flags, __u64 now)
{
	__u32 before = flow->flags;

	if ((before & flags) == flags)
		return;
	before = __sync_fetch_and_or(&flow->flags, flags);
	/* A conversation that was reset does not live longer for a FIN. */
	if ((flags & ~before & PM_FLOW_RESET) ||
	    (!(before & PM_FLOW_RESET) && (before & PM_FLOW_FINS) != PM_FLOW_FINS &&
	     ((before | flags) & PM_FLOW_FINS) == PM_FLOW_FINS))
		flow->closing_at = now;
}

/* Gives the conversation to the rule at `rule_slot`. */
static __always_inline void flow_credit(struct pm_flow *flow, __u32 rule_slot, bool log)
{
	flow->slot = rule_slot;
	if (log && !(flow->flags & PM_FLOW_LOG))
		__sync_fetch_and_or(&flow->flags, PM_FLOW_LOG);
	else if (!log && (flow->flags & PM_FLOW_LOG))
		__sync_fetch_and_and(&flow->flags, ~(__u32)PM_FLOW_LOG);
}

enum flow_result {
	FLOW_NONE = -1,
	FLOW_BROKEN = -2,
};
#define FLOW_LOGS (1ll << 32)

/*
 * The live conversation of opening tuple `key`: the counter slot of its rule, with FLOW_LOGS where that logs, or an enum flow_result. `tcp_flags` are of the reply that
 * asks; an asker that may not leave a trace (an ICMP error, a later fragment) passes quiet.
 */
#define FLOW_QUIET 0x100

__noinline __s64 pm_flow_find(__u32 slot, struct pm_interface *interface, struct pm_tuple *key, __u32 tcp_flags,
			      __u64 now)
{
	struct pm_flow *flow;
	struct pm_rule *rule;
	struct pm_tuple own;
	__u32 value, flags;

	if (!interface || !key)
		return FLOW_BROKEN;
	own = *key; /* Linux 6.1 takes no map key from an argument's memory */
	flow = bpf_map_lookup_elem(&flows, &own);
	if (!flow || now >= flow_expiry(flow, &own))
		return FLOW_NONE;

	if (flow->generation != interface->generation) {
		value = match(slot, interface, PM_OUT, key, pm_classify(slot, key));
		if (value == PM_VALUE_BROKEN)
			return FLOW_BROKEN;
		if (PM_VALUE_ACTION(value) != PM_ACTION_ALLOW) {
			bpf_map_delete_elem(&flows, &own);
			return FLOW_NONE;
		}
		rule = rule_of_value(slot, value);
		if (!rule) {
			count_fault(PM_FAULT_TABLE_MISSING);
			return FLOW_BROKEN;
		}
		flow_credit(flow, rule->slot, rule->log);
		flow->generation = interface->generation;
	}
	if (tcp_flags != FLOW_QUIET) {
		flags = PM_FLOW_ANSWERED;
		if (tcp_flags & PM_TCP_FIN)
			flags |= PM_FLOW_FIN_IN;
		if (tcp_flags & PM_TCP_RST)
			flags |= PM_FLOW_RESET;
		flow_mark(flow, flags, now);
	}
	return flow->slot | (flow->flags & PM_FLOW_LOG ? FLOW_LOGS : 0);
}

/*
 * An `out` packet that an `out` rule allowed, and whose answers no `in` rule would admit: makes or refreshes its conversation
 * for the rule at `rule_slot`, which logs or does not.
 */
__noinline int pm_flow_note(struct pm_interface *interface, struct pm_packet *packet, __u32 rule_slot, __u32 log,
			    __u64 now)
{
	struct pm_flow *flow, made = {};
	struct pm_tuple key;
	__u32 flags = 0;
	bool live;

	if (!interface || !packet)
		return 0;
	key = packet->tuple;
	if (is_icmp(&key) && !is_echo_request(&key))
		return 0;
	flow = bpf_map_lookup_elem(&flows, &key);
	live = flow && now < flow_expiry(flow, &key);

	if (key.protocol == PROTOCOL_TCP) {
		__u8 tcp = packet->tcp_flags;

		if (tcp & PM_TCP_RST) {
			if (live)
				flow_mark(flow, PM_FLOW_RESET, now);
			return 0;
		}
		if ((tcp & (PM_TCP_SYN | PM_TCP_ACK)) == (PM_TCP_SYN | PM_TCP_ACK))
			return 0;
		if (!packet->opening)
			flags |= PM_FLOW_ESTABLISHED;
		if (tcp & PM_TCP_FIN)
			flags |= PM_FLOW_FIN_OUT;
	}
	if (live && !packet->opening) {
		if (flow->flags & PM_FLOW_RESET)
			__sync_fetch_and_and(&flow->flags, ~(__u32)PM_FLOW_RESET);
		flow_mark(flow, flags, now);
		flow_credit(flow, rule_slot, log);
		flow->generation = interface->generation;
		flow->last_out = now;
		return 0;
	}
	/* Trying once more, and the next echo request, are of the conversation that is open already. */
	made.opened_at = live && !(flow->flags & ~(__u32)(PM_FLOW_ANSWERED | PM_FLOW_LOG)) ? flow->opened_at : now;
	made.last_out = now;
	made.generation = interface->generation;
	made.slot = rule_slot;
	made.flags = flags | (log ? PM_FLOW_LOG : 0);
	if (flow) {
		*flow = made;
		return 0;
	}
	if (bpf_map_update_elem(&flows, &key, &made, BPF_ANY))
		count_fault(PM_FAULT_FLOW_INSERT);
	return 0;
}

#endif /* PORTMATRIX_BPF_FLOW_H_ */
