/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The program's clock: CLOCK_MONOTONIC in nanoseconds, coarse (a few milliseconds old; bpf_ktime_get_coarse_ns, Linux 5.11), or
 * the time that a replay gives.
 */
#ifndef PORTMATRIX_BPF_CLOCK_H_
#define PORTMATRIX_BPF_CLOCK_H_

#include "bpf/maps.h"

static __always_inline __u64 clock_now(void)
{
	if (clock_is_given) {
		__u32 zero = 0;
		__u64 *given = bpf_map_lookup_elem(&given_clock, &zero);

		return given ? *given : 0;
	}
	return bpf_ktime_get_coarse_ns();
}

#endif /* PORTMATRIX_BPF_CLOCK_H_ */
