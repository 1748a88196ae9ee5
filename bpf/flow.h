/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Conversations. Only `out` packets that an `out` rule allowed make or refresh an entry; replies set flags in it; a change
 * of generation has its opening tuple judged again before it counts.
 */
#ifndef PORTMATRIX_BPF_FLOW_H_
#define PORTMATRIX_BPF_FLOW_H_

#include "bpf/live.h"
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
	FLOW_ASK_AGAIN = -3, /* live, if the `out` rules of now allow its opening tuple: see pm_flow_renew */
};
#define FLOW_LOGS (1ll << 32)

/* An asker that may not leave a trace in the conversation (an ICMP error, a later fragment) has these flags. */
#define FLOW_QUIET 0x100

/* What a reply means for the conversation: FIN and RST count. */
static __always_inline void flow_answer(struct pm_flow *flow, __u32 tcp_flags, __u64 now)
{
	__u32 flags = PM_FLOW_ANSWERED;

	if (tcp_flags == FLOW_QUIET)
		return;
	if (tcp_flags & PM_TCP_FIN)
		flags |= PM_FLOW_FIN_IN;
	if (tcp_flags & PM_TCP_RST)
		flags |= PM_FLOW_RESET;
	flow_mark(flow, flags, now);
}

/* The live conversation of opening tuple `key`: the counter slot of its rule, with FLOW_LOGS where that logs, or an enum flow_result. */
__noinline __s64 pm_flow_find(struct pm_interface *interface, struct pm_tuple *key, __u32 tcp_flags, __u64 now)
{
	struct pm_flow *flow;
	struct pm_tuple own;

	if (!interface || !key)
		return FLOW_BROKEN;
	own = *key; /* Linux 6.1 takes no map key from an argument's memory */
	flow = bpf_map_lookup_elem(&flows, &own);
	if (!flow || now >= flow_expiry(flow, &own))
		return FLOW_NONE;
	/* Membership in live sets leaves no trace in the entry. */
	if (flow->generation != interface->generation || interface->live_first[PM_OUT])
		return FLOW_ASK_AGAIN;
	flow_answer(flow, tcp_flags, now);
	return flow->slot | (flow->flags & PM_FLOW_LOG ? FLOW_LOGS : 0);
}

#define FLOW_DENIED (~0ull) /* no rule's credit */

/*
 * The conversation as the `out` rules of now have it: it counts for the rule of `credit` (its slot, with FLOW_LOGS where it logs), or
 * is over.
 */
__noinline __s64 pm_flow_renew(struct pm_interface *interface, struct pm_tuple *key, __u64 credit, __u32 tcp_flags,
			       __u64 now)
{
	struct pm_flow *flow;
	struct pm_tuple own;

	if (!interface || !key)
		return FLOW_BROKEN;
	own = *key;
	if (credit == FLOW_DENIED) {
		bpf_map_delete_elem(&flows, &own);
		return FLOW_NONE;
	}
	flow = bpf_map_lookup_elem(&flows, &own);
	if (!flow)
		return FLOW_NONE;
	flow_credit(flow, (__u32)credit, credit & FLOW_LOGS);
	flow->generation = interface->generation;
	flow_answer(flow, tcp_flags, now);
	return (__s64)credit;
}

/*
 * Both in one. Inline, for the `out` rules are asked on the deepest stack. `tcp_flags` are of the reply that asks, or
 * FLOW_QUIET.
 */
static __always_inline __s64 find_flow(__u32 slot, struct pm_interface *interface, struct pm_tuple *key, __u32 tcp_flags,
				       __u64 now)
{
	__s64 found = pm_flow_find(interface, key, tcp_flags, now);
	__u64 credit = FLOW_DENIED;
	struct pm_rule *rule;
	__u32 value;

	if (found != FLOW_ASK_AGAIN)
		return found;
	value = match(slot, interface, PM_OUT, key, pm_classify(slot, key));
	if (value == PM_VALUE_BROKEN)
		return FLOW_BROKEN;
	if (PM_VALUE_ACTION(value) == PM_ACTION_ALLOW) {
		rule = rule_of_value(slot, value);
		if (!rule) {
			count_fault(PM_FAULT_TABLE_MISSING);
			return FLOW_BROKEN;
		}
		credit = rule->slot | (rule->log ? FLOW_LOGS : 0);
	}
	return pm_flow_renew(interface, key, credit, tcp_flags, now);
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
