/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Fragments: what was decided on a first fragment is kept, later ones take it. The table is never shared with conversations, so
 * that a flood of fragments costs no conversation.
 */
#ifndef PORTMATRIX_BPF_FRAGMENT_H_
#define PORTMATRIX_BPF_FRAGMENT_H_

#include "bpf/judge.h"

static __always_inline void fragment_key(const struct pm_packet *packet, __u32 direction, struct pm_fragment_key *key)
{
	__builtin_memset(key, 0, sizeof(*key));
	__builtin_memcpy(key->source, packet->tuple.source, 16);
	__builtin_memcpy(key->destination, packet->tuple.destination, 16);
	key->identification = packet->identification;
	key->interface = packet->tuple.interface;
	key->direction = direction;
	key->family = packet->tuple.family;
	if (packet->tuple.family == 4)
		key->protocol = packet->tuple.protocol;
}

/* Keeps what was decided on a first fragment. */
__noinline int pm_fragment_keep(struct pm_interface *interface, __u32 direction, struct pm_fragment *judged, __u64 now)
{
	struct pm_fragment_key key;
	struct pm_fragment kept;

	if (!interface || !judged)
		return 0;
	fragment_key(&judged->first, direction, &key);
	kept = *judged;
	kept.headers = 0;
	kept.first_at = now;
	kept.generation = interface->generation;
	if (bpf_map_update_elem(&fragments, &key, &kept, BPF_ANY))
		count_fault(PM_FAULT_FRAGMENT_INSERT);
	return 0;
}

enum fragment_result {
	FRAGMENT_DECIDED = 0,
	FRAGMENT_JUDGE_AGAIN = 1, /* `judged` now holds the first: judge it, then call pm_fragment_renew */
};

/* Gives a later fragment the verdict of its first. */
__noinline int pm_fragment_find(struct pm_interface *interface, __u32 direction, struct pm_fragment *judged, __u64 now)
{
	struct pm_fragment_key key;
	struct pm_fragment *kept;

	if (!interface || !judged)
		return FRAGMENT_DECIDED;
	fragment_key(&judged->first, direction, &key);
	kept = bpf_map_lookup_elem(&fragments, &key);
	if (!kept || now >= kept->first_at + PM_TIMEOUT_FRAGMENT) {
		decide(judged, PM_DROP, PM_REASON_FRAGMENT);
		return FRAGMENT_DECIDED;
	}
	if (judged->first.fragment_offset < kept->first.header_end) {
		decide(judged, PM_DROP, PM_REASON_MALFORMED);
		return FRAGMENT_DECIDED;
	}
	if (kept->generation != interface->generation) {
		*judged = *kept;
		judged->on_behalf = 1;
		return FRAGMENT_JUDGE_AGAIN;
	}
	decide(judged, kept->verdict, kept->reason);
	judged->slot = kept->slot;
	judged->along = kept->along;
	PM_JUDGED_LOGS(judged) = PM_JUDGED_LOGS(kept);
	return FRAGMENT_DECIDED;
}

/* Keeps what a newer generation decided on the first. */
__noinline int pm_fragment_renew(struct pm_interface *interface, __u32 direction, struct pm_fragment *judged)
{
	struct pm_fragment_key key;
	struct pm_fragment *kept;

	if (!interface || !judged)
		return 0;
	fragment_key(&judged->first, direction, &key);
	kept = bpf_map_lookup_elem(&fragments, &key);
	if (!kept)
		return 0;
	kept->slot = judged->slot;
	kept->verdict = judged->verdict;
	kept->reason = judged->reason;
	kept->along = judged->along;
	PM_JUDGED_LOGS(kept) = PM_JUDGED_LOGS(judged);
	kept->generation = interface->generation;
	return 0;
}

#endif /* PORTMATRIX_BPF_FRAGMENT_H_ */
