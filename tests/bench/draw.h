/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What draw.bpf.c and the programs that load it share. */
#ifndef PORTMATRIX_TESTS_BENCH_DRAW_H_
#define PORTMATRIX_TESTS_BENCH_DRAW_H_

#include <linux/types.h>

#define BENCH_FRAMES 4096    /* a power of two */
#define BENCH_FRAME_BYTES 80 /* Ethernet, either family, transport, and payload up to here */

struct bench_frame {
  __u64 words[BENCH_FRAME_BYTES / 8];
};

#endif /* PORTMATRIX_TESTS_BENCH_DRAW_H_ */
