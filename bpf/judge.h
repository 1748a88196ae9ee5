/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The decision on one whole packet or first fragment, in the order of bpf/README.md, "Judging". `judged` comes with the
 * packet and leaves with verdict, reason and (for `rule` and `reply`) the rule's counter slot.
 */
#ifndef PORTMATRIX_BPF_JUDGE_H_
#define PORTMATRIX_BPF_JUDGE_H_

#include "bpf/flow.h"

static __always_inline void decide(struct pm_fragment *judged, __u8 verdict, __u8 reason)
{
	judged->verdict = verdict;
	judged->reason = reason;
	judged->along = 0;
	PM_JUDGED_LOGS(judged) = 0;
}

static __always_inline void decide_internal(struct pm_fragment *judged)
{
	decide(judged, PM_DROP, PM_REASON_INTERNAL);
}

/* For reasons `rule` and `reply`: names the rule that `value` found. */
static __always_inline void decide_by_rule(struct pm_fragment *judged, __u32 slot, __u8 verdict, __u8 reason,
					   __u32 value)
{
	struct pm_rule *rule = rule_of_value(slot, value);

	if (!rule) {
		count_fault(PM_FAULT_TABLE_MISSING);
		decide_internal(judged);
		return;
	}
	decide(judged, verdict, reason);
	judged->slot = rule->slot;
	PM_JUDGED_LOGS(judged) = rule->log;
}

/* An answer, judged by what the opening side's rule said: true if that decided. */
static __always_inline bool decide_as_reply(struct pm_fragment *judged, __u32 slot, __u32 value)
{
	if (value == PM_VALUE_BROKEN) {
		decide_internal(judged);
		return true;
	}
	switch (PM_VALUE_ACTION(value)) {
	case PM_ACTION_FAILSAFE:
		decide(judged, PM_PASS, PM_REASON_FAILSAFE);
		return true;
	case PM_ACTION_ALLOW:
		decide_by_rule(judged, slot, PM_PASS, PM_REASON_REPLY, value);
		return true;
	}
	return false;
}

static __always_inline bool decide_as_flow(struct pm_fragment *judged, __s64 found)
{
	if (found == FLOW_NONE)
		return false;
	if (found == FLOW_BROKEN) {
		decide_internal(judged);
		return true;
	}
	decide(judged, PM_PASS, PM_REASON_REPLY);
	judged->slot = (__u32)found;
	PM_JUDGED_LOGS(judged) = (found & FLOW_LOGS) != 0;
	return true;
}

/* ---- Step 1 and 2: what a network needs to work ---- */

static __always_inline bool is_neighbour(const struct pm_interface *interface, __u32 direction,
					 const struct pm_packet *packet)
{
	const struct pm_tuple *tuple = &packet->tuple;
	__u8 type = tuple->destination_port >> 8;

	if (tuple->protocol == PROTOCOL_IGMP && tuple->family == 4)
		return packet->hop_limit == 1 && (tuple->destination[0] & 0xf0) == 0xe0;
	if (tuple->protocol != PROTOCOL_ICMPV6)
		return false;
	if (type >= 133 && type <= 136) {
		/* RFC 4861: solicitations and advertisements. */
		if (packet->hop_limit != 255 || (tuple->destination_port & 0xff) || packet->fragment == PM_FIRST)
			return false;
		return type != 134 || (direction == PM_IN && interface->router_advertisements);
	}
	if ((type >= 130 && type <= 132) || type == 143) {
		/* RFC 2710, RFC 3810. */
		const __u32 *words = (const __u32 *)tuple->source;

		if (packet->hop_limit != 1)
			return false;
		if (tuple->source[0] == 0xfe && (tuple->source[1] & 0xc0) == 0x80)
			return true;
		return !(words[0] | words[1] | words[2] | words[3]);
	}
	return false;
}

static __always_inline bool is_dhcp(__u32 direction, const struct pm_tuple *tuple)
{
	__u16 client = tuple->family == 4 ? DHCP_CLIENT : DHCPV6_CLIENT;
	__u16 server = tuple->family == 4 ? DHCP_SERVER : DHCPV6_SERVER;

	if (tuple->protocol != PROTOCOL_UDP)
		return false;
	if (direction == PM_IN)
		return tuple->source_port == server && tuple->destination_port == client;
	return tuple->source_port == client && tuple->destination_port == server;
}

/* ---- Step 3 ---- */

static __always_inline bool is_same_address(const __u8 *one, const __u8 *other)
{
	const __u32 *a = (const __u32 *)one, *b = (const __u32 *)other;

	return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3];
}

/* A source that nothing outside can have: loopback, multicast, limited broadcast, the destination itself. */
static __always_inline bool is_impossible_source(const struct pm_tuple *tuple)
{
	const __u32 *words = (const __u32 *)tuple->source;

	if (is_same_address(tuple->source, tuple->destination))
		return true;
	if (tuple->family == 4)
		return tuple->source[0] == 127 || (tuple->source[0] & 0xf0) == 0xe0 || words[0] == 0xffffffff;
	return tuple->source[0] == 0xff ||
	       (!(words[0] | words[1] | words[2]) && words[3] == bpf_htonl(1));
}

/* ---- Receive ---- */

/* Is there a connected TCP socket of this host for the incoming `tuple`? */
__noinline int pm_has_socket(struct xdp_md *ctx, struct pm_tuple *tuple)
{
	struct bpf_sock_tuple key = {};
	struct bpf_sock *socket;
	__u32 state;

	if (!asks_sockets || !tuple)
		return false;
	if (tuple->family == 4) {
		__builtin_memcpy(&key.ipv4.saddr, tuple->source, 4);
		__builtin_memcpy(&key.ipv4.daddr, tuple->destination, 4);
		key.ipv4.sport = bpf_htons(tuple->source_port);
		key.ipv4.dport = bpf_htons(tuple->destination_port);
		socket = bpf_skc_lookup_tcp(ctx, &key, sizeof(key.ipv4), BPF_F_CURRENT_NETNS, 0);
	} else {
		__builtin_memcpy(key.ipv6.saddr, tuple->source, 16);
		__builtin_memcpy(key.ipv6.daddr, tuple->destination, 16);
		key.ipv6.sport = bpf_htons(tuple->source_port);
		key.ipv6.dport = bpf_htons(tuple->destination_port);
		socket = bpf_skc_lookup_tcp(ctx, &key, sizeof(key.ipv6), BPF_F_CURRENT_NETNS, 0);
	}
	if (!socket)
		return false;
	state = socket->state;
	bpf_sk_release(socket);
	/* Connected and not yet gone; a listener, a half-open or a waiting one proves nothing. */
	return state == BPF_TCP_ESTABLISHED || state == BPF_TCP_FIN_WAIT1 || state == BPF_TCP_FIN_WAIT2 ||
	       state == BPF_TCP_CLOSE_WAIT || state == BPF_TCP_LAST_ACK || state == BPF_TCP_CLOSING;
}

/* The conversation of `outgoing` (an `out` tuple), or a socket that has it and that the `out` rules allow: true if that decided. */
static __always_inline bool decide_by_conversation(struct xdp_md *ctx, __u32 slot, struct pm_interface *interface,
						   struct pm_fragment *judged, struct pm_tuple *outgoing,
						   struct pm_tuple *incoming, __u32 tcp_flags, __u64 now)
{
	__u32 value;

	if (decide_as_flow(judged, pm_flow_find(slot, interface, outgoing, tcp_flags, now)))
		return true;
	if (outgoing->protocol != PROTOCOL_TCP || !pm_has_socket(ctx, incoming))
		return false;
	value = match(slot, interface, PM_OUT, outgoing, pm_classify(slot, outgoing));
	return decide_as_reply(judged, slot, value);
}

__noinline int pm_judge_in(struct xdp_md *ctx, __u32 slot, struct pm_interface *interface, struct pm_fragment *judged,
			   __u64 now)
{
	struct pm_tuple *tuple, *embedded, reversed;
	struct pm_packet *packet;
	bool missing = false;
	__u64 classes;
	__u32 value;

	if (!interface || !judged)
		return 0;
	packet = &judged->first;
	tuple = &packet->tuple;
	if (is_neighbour(interface, PM_IN, packet)) {
		decide(judged, PM_PASS, PM_REASON_NEIGHBOUR);
		return 0;
	}
	if (interface->dhcp_client && is_dhcp(PM_IN, tuple)) {
		decide(judged, PM_PASS, PM_REASON_DHCP);
		return 0;
	}
	classes = pm_classify(slot, tuple);
	if (is_impossible_source(tuple) || is_local(slot, interface, classes >> 32, &missing)) {
		decide(judged, PM_DROP, PM_REASON_SPOOFED);
		return 0;
	}
	value = match(slot, interface, PM_IN, tuple, classes);
	if (missing || value == PM_VALUE_BROKEN) {
		decide_internal(judged);
		return 0;
	}
	switch (PM_VALUE_ACTION(value)) {
	case PM_ACTION_FAILSAFE:
		decide(judged, PM_PASS, PM_REASON_FAILSAFE);
		return 0;
	case PM_ACTION_ALLOW:
		decide_by_rule(judged, slot, PM_PASS, PM_REASON_RULE, value);
		return 0;
	}
	if (!packet->opening && reverse(tuple, &reversed) &&
	    decide_by_conversation(ctx, slot, interface, judged, &reversed, tuple,
				   judged->on_behalf ? FLOW_QUIET : packet->tcp_flags, now))
		return 0;

	embedded = &packet->embedded;
	if (embedded->family && is_same_address(tuple->destination, embedded->source) &&
	    reverse(embedded, &reversed)) {
		__u32 found = match(slot, interface, PM_IN, &reversed, pm_classify(slot, &reversed));

		if (decide_as_reply(judged, slot, found)) {
			judged->along = 1; /* found among the rules of its own direction */
			return 0;
		}
		if (decide_by_conversation(ctx, slot, interface, judged, embedded, &reversed, FLOW_QUIET, now))
			return 0;
	}
	if (PM_VALUE_ACTION(value) == PM_ACTION_DENY)
		decide_by_rule(judged, slot, PM_DROP, PM_REASON_RULE, value);
	else
		decide(judged, interface->default_verdict, PM_REASON_DEFAULT);
	return 0;
}

/* ---- Send ---- */

/* Would the answers pass without a conversation, by what the `in` rules or else the default say of them? */
static __always_inline bool is_admitted_anyway(const struct pm_interface *interface, __u32 answer_action)
{
	if (answer_action == PM_ACTION_NONE)
		return interface->default_verdict == PM_PASS;
	return answer_action == PM_ACTION_ALLOW || answer_action == PM_ACTION_FAILSAFE;
}

__noinline int pm_judge_out(__u32 slot, struct pm_interface *interface, struct pm_fragment *judged, __u64 now)
{
	struct pm_tuple *tuple, *embedded, reversed;
	__u32 value, answer = 0, answer_action;
	struct pm_packet *packet;
	bool missing = false;
	__u64 classes;

	if (!interface || !judged)
		return 0;
	packet = &judged->first;
	tuple = &packet->tuple;
	if (is_neighbour(interface, PM_OUT, packet)) {
		decide(judged, PM_PASS, PM_REASON_NEIGHBOUR);
		return 0;
	}
	if (interface->dhcp_client && is_dhcp(PM_OUT, tuple)) {
		decide(judged, PM_PASS, PM_REASON_DHCP);
		return 0;
	}
	classes = pm_classify(slot, tuple);
	if (reverse(tuple, &reversed))
		answer = match(slot, interface, PM_IN, &reversed, SWAPPED(classes));
	value = match(slot, interface, PM_OUT, tuple, classes);
	if (answer == PM_VALUE_BROKEN || value == PM_VALUE_BROKEN) {
		decide_internal(judged);
		return 0;
	}
	answer_action = PM_VALUE_ACTION(answer);
	if (answer_action == PM_ACTION_FAILSAFE && !packet->opening) {
		decide(judged, PM_PASS, PM_REASON_FAILSAFE);
		return 0;
	}
	if (PM_VALUE_ACTION(value) == PM_ACTION_ALLOW) {
		decide_by_rule(judged, slot, PM_PASS, PM_REASON_RULE, value);
		/* A RST closes an entry of an earlier generation too, whatever the `in` rules say of answers now. */
		if (!judged->on_behalf &&
		    ((packet->tcp_flags & PM_TCP_RST) || !is_admitted_anyway(interface, answer_action)))
			pm_flow_note(interface, packet, judged->slot, PM_JUDGED_LOGS(judged), now);
		return 0;
	}
	if (answer_action == PM_ACTION_ALLOW && !packet->opening) {
		decide_by_rule(judged, slot, PM_PASS, PM_REASON_REPLY, answer);
		return 0;
	}

	embedded = &packet->embedded;
	if (embedded->family && is_local(slot, interface, classes >> 32, &missing) && reverse(embedded, &reversed)) {
		__u64 embedded_classes = pm_classify(slot, embedded);
		__u32 found = match(slot, interface, PM_IN, embedded, embedded_classes);

		if (decide_as_reply(judged, slot, found))
			return 0;
		if (decide_as_flow(judged, pm_flow_find(slot, interface, &reversed, FLOW_QUIET, now))) {
			judged->along = 1; /* of a rule of its own direction */
			return 0;
		}
	}
	if (missing)
		decide_internal(judged);
	else if (PM_VALUE_ACTION(value) == PM_ACTION_DENY)
		decide_by_rule(judged, slot, PM_DROP, PM_REASON_RULE, value);
	else
		decide(judged, interface->default_verdict, PM_REASON_DEFAULT);
	return 0;
}

#endif /* PORTMATRIX_BPF_JUDGE_H_ */
