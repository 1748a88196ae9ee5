/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The contract between the kernel program and everything in user space: every struct, enum and constant that both
 * sides see is defined here and nowhere else. It compiles as C11 for the BPF target and as C++20 for the agent.
 *
 * Byte order: host order, but for addresses, which stand as on the wire. An IPv4 address fills the first four bytes of a
 * sixteen-byte field and the rest is zero. Padding is explicit and always written as zero, because structs serve as keys.
 *
 * Zero is drop: the zero value of each enum is the outcome that lets nothing pass.
 */
#ifndef PORTMATRIX_MAPS_LAYOUT_H_
#define PORTMATRIX_MAPS_LAYOUT_H_

#include "maps/image_layout.h"
#include "maps/reader_layout.h"
#include "maps/state_layout.h"
#include "maps/terms.h"

#endif /* PORTMATRIX_MAPS_LAYOUT_H_ */
