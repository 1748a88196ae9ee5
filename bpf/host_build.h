/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the parser needs where it is compiled for the host, as C, to be fuzzed: define PORTMATRIX_HOST_BUILD before including
 * bpf/parse.h. The rest of the program has no host build.
 */
#ifndef PORTMATRIX_BPF_HOST_BUILD_H_
#define PORTMATRIX_BPF_HOST_BUILD_H_

#include <linux/types.h>

#include <bpf/bpf_endian.h>
#include <stdbool.h>
#include <stddef.h>

#include "maps/layout.h"

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

#endif /* PORTMATRIX_BPF_HOST_BUILD_H_ */
