/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which generation judges this packet: one read of the control word, and where a pending change has run out of time, the
 * program's own compare-and-swap back to the previous generation. Whoever swaps first (a packet on any processor, or the
 * agent's confirmation) decides; the others see the outcome.
 */
#ifndef PORTMATRIX_BPF_CONTROL_H_
#define PORTMATRIX_BPF_CONTROL_H_

#include "bpf/fault.h"

/* The control word in force; zero (detached) if there is none. */
static __always_inline __u64 control_word(void)
{
	__u32 zero = 0;
	__u64 *word = bpf_map_lookup_elem(&control, &zero);
	__u64 seen, next, found;

	if (!word)
		return 0;
	seen = *(volatile __u64 *)word;
	if (PM_CONTROL_STATE(seen) != PM_CONTROL_PENDING)
		return seen;
	if (bpf_ktime_get_boot_ns() / 1000000 < PM_CONTROL_DEADLINE(seen))
		return seen;

	next = PM_CONTROL(PM_CONTROL_PREVIOUS(seen), PM_CONTROL_JUDGING(seen),
			  PM_CONTROL_ROLLED_BACK, PM_CONTROL_SEQUENCE(seen) + 1, 0);
	found = __sync_val_compare_and_swap(word, seen, next);
	if (found == seen)
		return next;
	count_fault(PM_FAULT_CONTROL_SWAP);
	return found;
}

#endif /* PORTMATRIX_BPF_CONTROL_H_ */
