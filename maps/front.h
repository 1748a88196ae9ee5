/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How the tables of an image stand in the kernel's maps, for program and agent alike. The first blocks of all tables stand in one
 * value of fixed size, the image's front, which the program reads without a call; what of a table goes beyond stands in a map
 * of its own. The front has room for policies of about a thousand rules.
 */
#ifndef PORTMATRIX_MAPS_FRONT_H_
#define PORTMATRIX_MAPS_FRONT_H_

#include "maps/layout.h"

#ifdef __cplusplus
extern "C" {
#endif

/* X(identifier, blocks in the front), in the order of enum pm_table. */
#define PM_FRONT(X)                                                                                                    \
	X(DEVICES, 16)                                                                                                 \
	X(INTERFACES, 64)                                                                                              \
	X(AXES, 2048)                                                                                                  \
	X(PAIRS, 8192)                                                                                                 \
	X(TREES, 8192)                                                                                                 \
	X(RULES, 1024)                                                                                                 \
	X(ADDRESSES, 8256)                                                                                             \
	X(ADDRESS_TREES, 2048)                                                                                         \
	X(MATCHERS, 128)                                                                                               \
	X(LIVE, 64)

struct pm_front {
#define X(identifier, blocks) struct pm_block identifier[blocks];
	PM_FRONT(X)
#undef X
};

#ifdef __cplusplus
}
#endif

#endif /* PORTMATRIX_MAPS_FRONT_H_ */
