/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What every file of the program needs from the kernel's headers and libbpf, and the constants the program is loaded with. */
#ifndef PORTMATRIX_BPF_KERNEL_H_
#define PORTMATRIX_BPF_KERNEL_H_

#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <stdbool.h>

#include "maps/event_layout.h"
#include "maps/layout.h"

/*
 * Set by the loader before verification, so that what they switch off is not even there. A program that is attached has the
 * values below; one that only judges captures and questions is given a clock, writes reports and knows no sockets.
 */
const volatile __u8 clock_is_given = 0;
const volatile __u8 writes_reports = 0;
const volatile __u8 asks_sockets = 1;

#endif /* PORTMATRIX_BPF_KERNEL_H_ */
