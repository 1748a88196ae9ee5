/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Live sets: which addresses somebody put there at run time, and until when. Asked only where a rule of the direction names
 * one (maps/layout.h, "Rules that name live sets"); its twin for user space is ImageLookup::MatchLive.
 */
#ifndef PORTMATRIX_BPF_LIVE_H_
#define PORTMATRIX_BPF_LIVE_H_

#include "bpf/clock.h"
#include "bpf/match.h"

static __always_inline bool counts(const struct pm_live_entry *entry)
{
	if (!entry)
		return false;
	return entry->until == PM_LIVE_FOREVER || clock_now() < entry->until;
}

/* Does the set hold the address that the question is about? One that nobody has filled yet holds nothing. */
__noinline int pm_is_live(__u32 question, struct pm_tuple *tuple)
{
	__u32 set = question & ~PM_LIVE_DESTINATION;
	struct pm_live_key key;
	void *entries;

	if (!tuple)
		return false;
	key.family = tuple->family;
	key.bits = tuple->family == 4 ? 32 + 32 : 32 + 128;
	__builtin_memcpy(key.address, question & PM_LIVE_DESTINATION ? tuple->destination : tuple->source, 16);
	entries = bpf_map_lookup_elem(&live_hosts, &set);
	if (entries && counts(bpf_map_lookup_elem(entries, &key)))
		return true;
	entries = bpf_map_lookup_elem(&live_prefixes, &set);
	return entries && counts(bpf_map_lookup_elem(entries, &key));
}

/* What one live matcher says. */
__noinline __u32 pm_match_among(__u32 slot, struct pm_live_matcher *live, struct pm_tuple *tuple, __u64 classes)
{
	const struct image image = image_in(slot);
	__u32 row, column;

	if (!live || !tuple ||
	    !read_word(&image, PM_TABLE_AXES, live->matcher.source_axis + (__u32)(classes >> 32), &row) ||
	    !read_word(&image, PM_TABLE_AXES, live->matcher.destination_axis + (__u32)classes, &column))
		return PM_VALUE_BROKEN;
	return match_at(&image, &live->matcher, tuple, row, column);
}

/* The first match among the rules of `direction` by way of live sets. */
__noinline __u32 pm_match_live(__u32 slot, struct pm_interface *interface, __u32 direction, struct pm_tuple *tuple,
			       __u64 classes)
{
	const struct image image = image_in(slot);
	__u64 answers = 0;
	struct pm_block *questions;
	__u32 first = 0, at, i;

	if (!interface || !tuple)
		return PM_VALUE_BROKEN;
	direction &= 1;
	at = interface->live_at[direction];
	questions = block_of(&image, PM_TABLE_LIVE, at);
	if (!questions)
		return PM_VALUE_BROKEN;
	for (i = 0; i < PM_MAX_LIVE_QUESTIONS; i++) {
		if (i >= interface->live_questions[direction])
			break;
		answers |= (__u64)(pm_is_live(((__u8 *)questions)[i], tuple) & 1) << i;
	}
	if (!answers)
		return 0;
	for (i = 0; i < PM_MAX_LIVE_MATCHERS; i++) {
		struct pm_live_matcher *live;
		struct pm_block *block;
		__u32 value;

		if (i >= interface->live_matchers[direction])
			break;
		block = block_of(&image, PM_TABLE_LIVE, at + 1 + i / PM_LIVE_MATCHERS_PER_BLOCK);
		if (!block)
			return PM_VALUE_BROKEN;
		live = (struct pm_live_matcher *)block + i % PM_LIVE_MATCHERS_PER_BLOCK;
		if ((answers & live->needs) != live->needs)
			continue;
		value = pm_match_among(slot, live, tuple, classes);
		if (value == PM_VALUE_BROKEN)
			return value;
		if (value && (!first || PM_VALUE_RULE(value) < PM_VALUE_RULE(first)))
			first = value;
	}
	return first;
}

/* Does a rule of either direction depend on a live set, so that what was decided must be decided again with each packet? */
static __always_inline bool depends_on_live_sets(const struct pm_interface *interface)
{
	return interface->live_first[PM_IN] | interface->live_first[PM_OUT];
}

/* The value (maps/layout.h, PM_VALUE) of the first match for `tuple` among the interface's rules of `direction`. */
static __always_inline __u32 match(__u32 slot, struct pm_interface *interface, __u32 direction, struct pm_tuple *tuple,
				   __u64 classes)
{
	__u32 value = pm_match(slot, interface, direction, tuple, classes), live;

	/* What stands before all rules that depend on live sets is the first match already. */
	if (value != PM_VALUE_BROKEN && interface->live_first[direction] &&
	    (!value || PM_VALUE_RULE(value) > interface->live_first[direction])) {
		live = pm_match_live(slot, interface, direction, tuple, classes);
		if (live && (!value || live == PM_VALUE_BROKEN || PM_VALUE_RULE(live) < PM_VALUE_RULE(value)))
			value = live;
	}
	if (value == PM_VALUE_BROKEN)
		count_fault(PM_FAULT_TABLE_MISSING);
	return value;
}

#endif /* PORTMATRIX_BPF_LIVE_H_ */
