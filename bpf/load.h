/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Bytes of a frame, wherever they are. Headers are read in place while they lie in the linear part, and copied by a helper when
 * they do not (jumbo frames in several buffers, packets whose payload was mapped in).
 *
 * `struct frame` says how to read: it is built on the stack of a program and inlined away. A host build (fuzzing) reads a plain
 * buffer.
 */
#ifndef PORTMATRIX_BPF_LOAD_H_
#define PORTMATRIX_BPF_LOAD_H_

#ifdef PORTMATRIX_HOST_BUILD
#include "bpf/host_build.h"
#else
#include "bpf/kernel.h"
#endif

/* Further into a packet the verifier lets no pointer go (MAX_PACKET_OFF, Linux 6.1 kernel/bpf/verifier.c). */
#define MAX_OFFSET 0xf000

/* For buffers that packet bytes are copied to. */
#define PACKET_WORDS __attribute__((aligned(4)))

struct frame {
	void *ctx;
	bool xdp;       /* else TC */
	bool segmented; /* GSO: lengths come from the buffer */
	__u32 length;   /* bytes from the Ethernet header on */
};

#ifdef PORTMATRIX_HOST_BUILD

/* A buffer of the host has no alignment to rely on. */
static __always_inline const void *in_place(const struct frame *frame, __u32 offset, const __u32 size)
{
	(void)frame, (void)offset, (void)size;
	return NULL;
}

static __always_inline int copy_out(const struct frame *frame, __u32 offset, void *to, const __u32 size)
{
	if (offset > frame->length || size > frame->length - offset)
		return -1;
	__builtin_memcpy(to, (const char *)frame->ctx + offset, size);
	return 0;
}

#else

/* Where the bytes stand, if that is in the linear part. */
static __always_inline const void *in_place(const struct frame *frame, __u32 offset, const __u32 size)
{
	void *data, *end;

	if (frame->xdp) {
		struct xdp_md *xdp = frame->ctx;

		data = (void *)(long)xdp->data;
		end = (void *)(long)xdp->data_end;
	} else {
		struct __sk_buff *skb = frame->ctx;

		data = (void *)(long)skb->data;
		end = (void *)(long)skb->data_end;
	}
	asm volatile("" : "+r"(offset)); /* or Linux 6.1 sees another register compared than added */
	if (offset > MAX_OFFSET)
		return NULL;
	data += offset;
	return data + size <= end ? data : NULL;
}

static __always_inline int copy_out(const struct frame *frame, __u32 offset, void *to, const __u32 size)
{
	if (frame->xdp)
		return bpf_xdp_load_bytes(frame->ctx, offset, to, size) ? -1 : 0;
	return bpf_skb_load_bytes(frame->ctx, offset, to, size) ? -1 : 0;
}

#endif

/*
 * The bytes at `offset`, in place or else copied to `buffer`; null where they cannot be read. The caller has checked that they lie
 * inside the packet: a failure is `internal`. Words of four bytes are read where they stand, aligned or not, as the kernel lets
 * programs do on machines that can (x86-64, arm64).
 */
static __always_inline const void *view(const struct frame *frame, __u32 offset, void *buffer, const __u32 size)
{
	const void *place = in_place(frame, offset, size);

	if (place)
		return __builtin_assume_aligned(place, 4);
	return copy_out(frame, offset, buffer, size) ? NULL : buffer;
}

/* The same, always copied. */
static __always_inline int load(const struct frame *frame, __u32 offset, void *to, const __u32 size)
{
	const void *place = in_place(frame, offset, size);

	if (!place)
		return copy_out(frame, offset, to, size);
	__builtin_memcpy(to, __builtin_assume_aligned(place, 4), size);
	return 0;
}

/*
 * STANDALONE: a function that the verifier shall check once and by itself, whatever its callers know of its arguments.
 *
 * A function over a frame that the verifier shall check by itself, once for each hook: DEFINE_OVER_FRAME(name, type) makes
 * pm_NAME, which calls the inline function NAME(frame, end, to). Where the program stands inside one is written in `to`. NAME
 * uses no frame->length: compilers from clang 16 on hand nothing at all to a parameter that goes unused, which the verifier
 * refuses (tests/kernels/verifier_test).
 */
#ifdef PORTMATRIX_HOST_BUILD
#define STANDALONE static __always_inline
#define DEFINE_OVER_FRAME(name, type)                                                                                  \
	static __always_inline int pm_##name(const struct frame *frame, __u32 end, struct type *to)                    \
	{                                                                                                              \
		return name(frame, end, to);                                                                           \
	}
#else
#define STANDALONE __noinline
#define DEFINE_OVER_FRAME(name, type)                                                                                  \
	__noinline int pm_##name##_xdp(struct xdp_md *ctx, __u32 end, struct type *to)                                 \
	{                                                                                                              \
		const struct frame frame = { .ctx = ctx, .xdp = true };                                                \
                                                                                                                       \
		return to ? name(&frame, end, to) : -1;                                                                \
	}                                                                                                              \
	__noinline int pm_##name##_tc(struct __sk_buff *ctx, __u32 end, struct type *to)                               \
	{                                                                                                              \
		const struct frame frame = { .ctx = ctx };                                                             \
                                                                                                                       \
		return to ? name(&frame, end, to) : -1;                                                                \
	}                                                                                                              \
	static __always_inline int pm_##name(const struct frame *frame, __u32 end, struct type *to)                    \
	{                                                                                                              \
		return frame->xdp ? pm_##name##_xdp(frame->ctx, end, to) : pm_##name##_tc(frame->ctx, end, to);        \
	}
#endif

#endif /* PORTMATRIX_BPF_LOAD_H_ */
