/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Failures of helpers and lookups, each counted under its name. */
#ifndef PORTMATRIX_BPF_FAULT_H_
#define PORTMATRIX_BPF_FAULT_H_

#include "bpf/maps.h"

static __noinline void count_fault(__u32 fault)
{
	__u64 *count = bpf_map_lookup_elem(&faults, &fault);

	if (count)
		*count += 1;
}

#endif /* PORTMATRIX_BPF_FAULT_H_ */
