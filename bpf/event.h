/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Events (maps/layout.h): what happened to a packet, told to whoever listens. Telling changes neither verdict nor counter, and
 * costs a packet that is none nothing. It happens in functions of its own, whose frames the deepest stack never meets.
 */
#ifndef PORTMATRIX_BPF_EVENT_H_
#define PORTMATRIX_BPF_EVENT_H_

#include "bpf/clock.h"
#include "bpf/ethernet.h"

/* What a call has room for beside the packet: who counted it. */
#define EVENT_PLACE(owner, device, audited) ((owner) | ((__u32)(device) << 8) | ((__u32)(audited) << 16))
#define PLACE_OWNER(place) ((place)&0xff)
#define PLACE_DEVICE(place) (((place) >> 8) & 0xff)
#define PLACE_AUDITED(place) (((place) >> 16) & 1)
#define EVENT_WEIGHT(packets, bytes) (((__u64)(packets) << 32) | (bytes))

static __always_inline bool somebody_listens(__u64 now)
{
	__u32 zero = 0;
	struct pm_event_settings *settings = bpf_map_lookup_elem(&event_settings, &zero);

	return settings && now < *(volatile __u64 *)&settings->until;
}

/* One event of the source in this interval, if its budget still holds one. */
static __always_inline bool take_from_budget(__u32 source, __u64 now)
{
	const __u64 taken_mask = (1ull << PM_EVENT_TAKEN_BITS) - 1;
	const __u64 interval = now / PM_EVENT_INTERVAL;
	struct pm_event_settings *settings;
	__u64 *word, seen;
	__u32 zero = 0;

	settings = bpf_map_lookup_elem(&event_settings, &zero);
	word = bpf_map_lookup_elem(&event_budgets, &source);
	if (!settings || !word || !settings->budget)
		return false;
	seen = *(volatile __u64 *)word;
	if (seen >> PM_EVENT_TAKEN_BITS < interval) {
		if (__sync_val_compare_and_swap(word, seen, interval << PM_EVENT_TAKEN_BITS | 1) == seen)
			return true;
	} else if ((seen & taken_mask) >= settings->budget) {
		return false;
	}
	return (__sync_fetch_and_add(word, 1) & taken_mask) < settings->budget;
}

static __always_inline struct pm_event_totals *totals_of_events(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&event_totals, &zero);
}

static __always_inline void count_suppressed(__u32 source, __u32 packets)
{
	__u64 *suppressed = bpf_map_lookup_elem(&suppressed_events, &source);
	struct pm_event_totals *totals = totals_of_events();

	if (suppressed)
		*suppressed += packets;
	if (totals)
		totals->suppressed += packets;
}

static __always_inline void copy_head(const struct frame *frame, struct pm_event *event)
{
	__u32 size = frame->length < PM_EVENT_HEAD_BYTES ? frame->length : PM_EVENT_HEAD_BYTES;
	long failed;

	if (!size)
		return;
	asm volatile("" : "+r"(size)); /* or the compiler drops the mask, by which the verifier knows the bounds */
	size = ((size - 1) & (PM_EVENT_HEAD_BYTES - 1)) + 1;
	if (frame->xdp)
		failed = bpf_xdp_load_bytes(frame->ctx, 0, event->head, size);
	else
		failed = bpf_skb_load_bytes(frame->ctx, 0, event->head, size);
	if (!failed)
		event->head_bytes = size;
}

/* `link` holds a tag that travels beside the frame, `event` its type. Reads the link layer once more: few packets come here. */
static __always_inline void describe(const struct frame *frame, struct link_layer *link,
				     const struct pm_fragment *judged, __u32 place, __u64 weight,
				     struct pm_event *event)
{
	parse_link(frame, link);
	event->time = clock_is_given ? clock_now() : bpf_ktime_get_ns();
	event->generation = judged->generation;
	event->slot = judged->slot;
	event->packets = weight >> 32;
	event->bytes = weight;
	event->length = frame->length;
	event->tuple = judged->first.tuple;
	event->owner = PLACE_OWNER(place);
	event->ethertype = link->ethertype;
	event->outer = link->outer;
	event->inner = link->inner;
	event->device = PLACE_DEVICE(place);
	event->direction = frame->xdp ? PM_IN : PM_OUT;
	event->verdict = PLACE_AUDITED(place) ? PM_PASS : judged->verdict;
	event->reason = judged->reason;
	event->audited = PLACE_AUDITED(place);
	event->tag_count = link->tag_count;
	event->tcp_flags = judged->first.tcp_flags;
	event->fragment = judged->on_behalf ? PM_LATER : judged->first.fragment;
	copy_head(frame, event);
}

static __always_inline int emit(const struct frame *frame, struct link_layer *link, __u16 tag_type, __u16 tag_control,
				const struct pm_fragment *judged, __u32 place, __u64 weight, __u64 now)
{
	const __u32 direction = frame->xdp ? PM_IN : PM_OUT;
	struct pm_event_totals *totals;
	struct pm_event *event;
	__u32 source;

	if (judged->reason == PM_REASON_RULE || judged->reason == PM_REASON_REPLY)
		source = PM_EVENT_SOURCES_OF_REASONS + judged->slot;
	else
		source = (PLACE_OWNER(place) * PM_DIRECTIONS + direction) * PM_REASON_COUNT + judged->reason;
	if (!take_from_budget(source, now)) {
		count_suppressed(source, weight >> 32);
		return 0;
	}
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	totals = totals_of_events();
	if (!event) {
		if (totals)
			totals->lost += weight >> 32;
		return 0;
	}
	if (totals)
		totals->emitted += weight >> 32;
	__builtin_memset(event, 0, sizeof(*event));
	event->tag_type = tag_type;
	event->tag_control = tag_control;
	describe(frame, link, judged, place, weight, event);
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP); /* the agent looks by itself, many times a second */
	return 0;
}

__noinline int pm_emit_xdp(struct xdp_md *ctx, struct pm_fragment *judged, __u32 place, __u64 weight, __u64 now)
{
	const struct frame frame = { .ctx = ctx, .xdp = true, .length = bpf_xdp_get_buff_len(ctx) };
	struct link_layer link = {};

	return judged ? emit(&frame, &link, 0, 0, judged, place, weight, now) : 0;
}

__noinline int pm_emit_tc(struct __sk_buff *ctx, struct pm_fragment *judged, __u32 place, __u64 weight, __u64 now)
{
	const struct frame frame = { .ctx = ctx, .length = ctx->len };
	struct link_layer link = {};
	__u16 type = 0, control = 0;

	if (!judged)
		return 0;
	if (ctx->vlan_present) {
		type = bpf_ntohs(ctx->vlan_proto);
		control = ctx->vlan_tci;
		add_tag(&link, control);
	}
	return emit(&frame, &link, type, control, judged, place, weight, now);
}

#endif /* PORTMATRIX_BPF_EVENT_H_ */
