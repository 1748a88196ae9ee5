// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Gives every run another frame: writes the next of `frames` over the packet and jumps to the program under measurement. The
 * same jump to an empty program is what a measurement subtracts. BPF_PROG_TEST_RUN alone would run one frame again and again,
 * with every table line and branch of its way at hand.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "tests/bench/draw.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BENCH_FRAMES);
	__type(key, __u32);
	__type(value, struct bench_frame);
} frames SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} xdp_target SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} tc_target SEC(".maps");

/* By processor, so that two measure at once without sharing a line. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} turn SEC(".maps");

/* Where the source port stands, to make each packet one of a conversation that nobody has seen; zero: frames are left as they are. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} fresh SEC(".maps");

static __always_inline void draw(void *data, void *end)
{
	__u32 zero = 0, place;
	__u32 *next = bpf_map_lookup_elem(&turn, &zero);
	__u32 *source_port = bpf_map_lookup_elem(&fresh, &zero);
	struct bench_frame *frame;
	__u64 *to = data;
	__u32 port_at, i;
	__u64 port = 0;

	if (!next)
		return;
	place = (*next)++ % BENCH_FRAMES;
	frame = bpf_map_lookup_elem(&frames, &place);
	if (!frame || data + sizeof(*frame) > end)
		return;
	port_at = source_port ? *source_port : 0;
	if (port_at)
		port = (__u64)(__u16)(*next / BENCH_FRAMES) << port_at % 8 * 8;
#pragma unroll
	for (i = 0; i < BENCH_FRAME_BYTES / 8; i++)
		to[i] = frame->words[i] ^ (i == port_at / 8 ? port : 0);
}

SEC("xdp.frags")
int draw_xdp(struct xdp_md *ctx)
{
	draw((void *)(long)ctx->data, (void *)(long)ctx->data_end);
	bpf_tail_call(ctx, &xdp_target, 0);
	return XDP_ABORTED;
}

SEC("xdp.frags")
int empty_xdp(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_DROP;
}

SEC("tc")
int draw_tc(struct __sk_buff *ctx)
{
	draw((void *)(long)ctx->data, (void *)(long)ctx->data_end);
	bpf_tail_call(ctx, &tc_target, 0);
	return 2;
}

SEC("tc")
int empty_tc(struct __sk_buff *ctx)
{
	(void)ctx;
	return 2;
}

/* Of live frames: written and sent through the device that the run names. */
SEC("xdp.frags")
int send_xdp(struct xdp_md *ctx)
{
	draw((void *)(long)ctx->data, (void *)(long)ctx->data_end);
	return XDP_TX;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
