// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The filter: two programs, one classification. See bpf/README.md for the order of decisions.
 *
 * The functions named pm_... are global, so that the verifier checks each of them once and by itself (Linux 5.6). They do not trust
 * their pointers for that reason.
 */
#include "bpf/control.h"
#include "bpf/count.h"
#include "bpf/event.h"
#include "bpf/fragment.h"
#include "bpf/judge.h"
#include "bpf/parse.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* One packet on its way through a hook. */
struct passage {
	__u32 direction;
	__u32 slot;   /* of the judging generation */
	__u32 device; /* number */
	struct weight weight;
	__u64 now;
};

static __always_inline void report(const struct passage *passage, __u32 owner, const struct pm_fragment *judged,
				   int verdict, bool audited)
{
	__u32 zero = 0;
	struct pm_report *to;

	if (!writes_reports)
		return;
	to = bpf_map_lookup_elem(&reports, &zero);
	if (!to)
		return;
	to->packets++;
	to->slot = judged->slot;
	to->owner = owner;
	to->verdict = verdict;
	to->reason = judged->reason;
	to->audited = audited;
	to->direction = passage->direction;
	to->bytes = passage->weight.bytes;
}

/* Tells of the packet, where somebody wants to know. */
static __always_inline void tell(const struct frame *frame, const struct passage *passage, __u32 owner,
				 struct pm_fragment *judged, bool audited)
{
	__u64 weight;
	__u32 place;

	if (judged->verdict == PM_PASS && !PM_JUDGED_LOGS(judged))
		return;
	if (!somebody_listens(passage->now))
		return;
	place = EVENT_PLACE(owner, passage->device, audited);
	weight = EVENT_WEIGHT(passage->weight.packets, passage->weight.bytes);
	if (frame->xdp)
		pm_emit_xdp(frame->ctx, judged, place, weight, passage->now);
	else
		pm_emit_tc(frame->ctx, judged, place, weight, passage->now);
}

/* Counts what was decided under `owner`, and gives the packet's fate. */
static __always_inline int conclude(const struct frame *frame, const struct passage *passage, __u32 owner, bool audit,
				    struct pm_fragment *judged)
{
	bool audited = audit && judged->verdict == PM_DROP && judged->reason != PM_REASON_INTERNAL;
	int verdict = audited ? PM_PASS : judged->verdict;

	count_seen(owner, passage->direction, passage->weight);
	if (judged->reason == PM_REASON_RULE || judged->reason == PM_REASON_REPLY)
		count_rule(judged->slot, judged->reason == PM_REASON_REPLY && !judged->along, passage->weight, passage->now);
	else
		count_reason(owner, passage->direction, judged->reason,
			     audited			      ? AUDITED
			     : judged->verdict == PM_PASS ? PASSED
							      : DROPPED,
			     passage->weight);
	report(passage, owner, judged, verdict, audited);
	tell(frame, passage, owner, judged, audited);
	return verdict;
}

/* Who counts a packet, and whether `audit` holds for it. */
struct account {
	__u32 owner;
	bool audit;
};

/* The number of a slot's generation, which every interface of its image knows. */
static __always_inline __u64 generation_of(__u32 slot)
{
	const struct image image = image_in(slot);
	struct pm_interface *interface = (struct pm_interface *)block_of(&image, PM_TABLE_INTERFACES, 0);

	return interface ? interface->generation : 0;
}

/* For packets that select no interface. */
static __always_inline struct account decide_at_device(const struct passage *passage, struct pm_fragment *judged,
						       __u8 verdict, __u8 reason)
{
	decide(judged, verdict, reason);
	if (verdict == PM_DROP)
		judged->generation = generation_of(passage->slot);
	return (struct account){ .owner = PM_MAX_INTERFACES + passage->device };
}

static __always_inline struct account account_of(const struct pm_interface *interface, struct pm_fragment *judged)
{
	judged->generation = interface->generation;
	return (struct account){ interface->owner, interface->audit };
}

static __always_inline __u32 reason_of(int parse_result)
{
	return parse_result == PARSE_MALFORMED ? PM_REASON_MALFORMED : PM_REASON_INTERNAL;
}

/* The device number of an ifindex; false if no agent has given it one. */
static __always_inline bool find_device(__u32 ifindex, __u32 *device)
{
	__u32 zero = 0, try;
	struct pm_device_places *places = bpf_map_lookup_elem(&devices, &zero);

	for (try = 0; places && try < PM_DEVICE_TRIES; try++) {
		const __u64 place = *(volatile __u64 *)&places->place[(ifindex + try) % PM_DEVICE_PLACES];

		if (PM_DEVICE_PLACE_IFINDEX(place) == ifindex) {
			*device = PM_DEVICE_PLACE_NUMBER(place) % PM_MAX_DEVICES;
			return true;
		}
	}
	count_fault(PM_FAULT_TABLE_MISSING);
	return false;
}

/* What the judging generation binds the device to, or nothing. */
static __always_inline struct pm_device *find_binding(const struct passage *passage, __u64 word)
{
	const struct image image = image_in(passage->slot);
	struct pm_block *block;
	struct pm_device *binding;

	if (PM_CONTROL_STATE(word) == PM_CONTROL_DETACHED)
		return NULL;
	block = block_of(&image, PM_TABLE_DEVICES, passage->device / PM_DEVICES_PER_BLOCK);
	if (!block)
		return NULL;
	binding = &((struct pm_device *)block)[passage->device % PM_DEVICES_PER_BLOCK];
	return binding->bound ? binding : NULL;
}

/* What a tree says of a frame's tags. A function, for the spills of the search would burden the deepest stack. */
__noinline __u32 pm_find_tagged(__u32 slot, __u32 tagged, __u32 key)
{
	const struct image image = image_in(slot);
	__u32 selected;

	return find_in_tree(&image, PM_TABLE_TREES, tagged, key, &selected) ? selected : 0;
}

/* Interface index + 1 that device and tags select, or zero. */
static __always_inline __u32 select_interface(const struct passage *passage, const struct pm_device *binding,
					      const struct link_layer *link)
{
	__u32 selected;

	if (!link->outer)
		selected = binding->untagged;
	else
		selected = pm_find_tagged(passage->slot, binding->tagged, PM_VLAN_KEY(link->outer, link->inner));
	return selected ? selected : binding->any;
}

static __always_inline bool is_listed(const struct pm_interface *interface, __u16 ethertype)
{
	__u32 i;

	for (i = 0; i < PM_MAX_ETHERTYPES; i++)
		if (i < interface->ethertype_count && interface->ethertype[i] == ethertype)
			return true;
	return false;
}

/* Reads the IP packet: once for each hook, because what a context is differs. */
__noinline int pm_parse_xdp(struct xdp_md *ctx, __u32 ethertype, __u32 at, __u32 length, struct pm_fragment *judged)
{
	const struct frame frame = { .ctx = ctx, .xdp = true, .length = length };

	if (!judged || at > length || at > 64)
		return PARSE_INTERNAL;
	return parse_ip(&frame, ethertype, at, &judged->first);
}

__noinline int pm_parse_tc(struct __sk_buff *ctx, __u32 ethertype, __u32 at, __u32 length, struct pm_fragment *judged)
{
	const struct frame frame = { .ctx = ctx, .length = length, .segmented = ctx->gso_size > 0 };
	__u32 headers = 0;
	int result;

	if (!judged || at > length || at > 64)
		return PARSE_INTERNAL;
	result = parse_ip_and_headers(&frame, ethertype, at, &judged->first, &headers);
	judged->headers = (__u16)headers;
	return result;
}

/*
 * What a sent packet is on the wire. The kernel has weighed it (qdisc_pkt_len_init), with the headers of every segment, but without
 * a tag beside the frame. `headers` are those that each segment repeats; zero: not known, and then a super-packet that nobody
 * counted is taken for payload throughout.
 */
static __always_inline struct weight weigh(struct __sk_buff *ctx, __u32 headers)
{
	struct weight weight = { .packets = 1, .bytes = ctx->wire_len };

	if (ctx->gso_size) {
		/* gso_segs is zero where a guest or a raw socket made the packet (until Linux 6.19). */
		weight.packets = ctx->gso_segs;
		if (!weight.packets)
			weight.packets = (ctx->len - headers + ctx->gso_size - 1) / ctx->gso_size;
		if (!weight.packets)
			weight.packets = 1;
	}
	if (ctx->vlan_present)
		weight.bytes += TAG_BYTES * weight.packets;
	return weight;
}

#define IPV6_OPTION_JUMBO 0xc2 /* RFC 2675 */
#define JUMBO_HEADER_BYTES 8
#define MOST_WITHOUT_JUMBO 65536 /* GRO_LEGACY_MAX_SIZE, Linux net/ipv6.h */

/* Of BIG TCP over IPv6: a header with the jumbo option, which the kernel takes off again when it segments (Linux 5.19). */
static __always_inline bool has_passing_jumbo_header(const struct frame *frame, const struct link_layer *link)
{
	__u8 ip[8] PACKET_WORDS, option[4] PACKET_WORDS;

	if (!frame->segmented || link->ethertype != ETHERTYPE_IPV6 || frame->length <= MOST_WITHOUT_JUMBO)
		return false;
	if (load(frame, link->end, ip, sizeof(ip)) || load(frame, link->end + IPV6_BYTES, option, sizeof(option)))
		return false;
	return ip[6] == PROTOCOL_HOP_BY_HOP && option[0] == PROTOCOL_TCP && option[1] == 0 &&
	       option[2] == IPV6_OPTION_JUMBO;
}

static __always_inline void judge(void *ctx, const struct passage *passage, struct pm_interface *interface,
				  struct pm_fragment *judged)
{
	if (passage->direction == PM_IN)
		pm_judge_in(ctx, passage->slot, interface, judged, passage->now);
	else
		pm_judge_out(passage->slot, interface, judged, passage->now);
}

/* Whole packets, first and later fragments of an interface. */
static __always_inline void judge_packet(void *ctx, const struct passage *passage, struct pm_interface *interface,
					 struct pm_fragment *judged)
{
	judged->first.tuple.interface = interface->owner;
	judged->first.embedded.interface = interface->owner;
	if (judged->first.fragment == PM_LATER) {
		if (pm_fragment_find(interface, passage->direction, judged, passage->now) == FRAGMENT_JUDGE_AGAIN) {
			judge(ctx, passage, interface, judged);
			pm_fragment_renew(interface, passage->direction, judged);
		}
		return;
	}
	judge(ctx, passage, interface, judged);
	if (judged->first.fragment == PM_FIRST)
		pm_fragment_keep(interface, passage->direction, judged, passage->now);
}

/* Decides on a frame of a device that has a number. */
static __always_inline struct account judge_frame(const struct frame *frame, struct passage *passage, __u64 word,
						  struct link_layer *link, struct pm_fragment *judged)
{
	struct pm_interface *interface;
	struct pm_device *binding;
	struct image image;
	__u32 selected;
	int result;

	binding = find_binding(passage, word);
	if (!binding)
		return decide_at_device(passage, judged, PM_PASS, PM_REASON_UNBOUND);

	result = parse_link(frame, link);
	if (result)
		return decide_at_device(passage, judged, PM_DROP, reason_of(result));
	selected = select_interface(passage, binding, link);
	if (!selected)
		return decide_at_device(passage, judged, PM_DROP, PM_REASON_VLAN);
	image = image_in(passage->slot);
	interface = (struct pm_interface *)block_of(&image, PM_TABLE_INTERFACES, selected - 1);
	if (!interface) {
		count_fault(PM_FAULT_TABLE_MISSING);
		return decide_at_device(passage, judged, PM_DROP, PM_REASON_INTERNAL);
	}

	if (link->ethertype != ETHERTYPE_IPV4 && link->ethertype != ETHERTYPE_IPV6) {
		decide(judged, is_listed(interface, link->ethertype) ? PM_PASS : PM_DROP, PM_REASON_ETHERTYPE);
		return account_of(interface, judged);
	}
	if (frame->xdp)
		result = pm_parse_xdp(frame->ctx, link->ethertype, link->end, frame->length, judged);
	else
		result = pm_parse_tc(frame->ctx, link->ethertype, link->end, frame->length, judged);
	if (!frame->xdp && frame->segmented) {
		passage->weight = weigh(frame->ctx, judged->headers);
		if (has_passing_jumbo_header(frame, link))
			passage->weight.bytes -= JUMBO_HEADER_BYTES * passage->weight.packets;
	}
	if (result)
		decide(judged, PM_DROP, reason_of(result));
	else
		judge_packet(frame->ctx, passage, interface, judged);
	return account_of(interface, judged);
}

/* The way of a frame through either hook: its fate, as enum pm_verdict. */
static __always_inline int filter(const struct frame *frame, struct passage *passage, __u32 ifindex,
				  struct link_layer *link)
{
	const __u64 word = control_word();
	struct pm_fragment judged = {};
	struct account account;

	passage->slot = PM_CONTROL_JUDGING(word);
	passage->now = clock_now();
	if (!find_device(ifindex, &passage->device))
		return PM_CONTROL_STATE(word) == PM_CONTROL_DETACHED ? PM_PASS : PM_DROP;
	account = judge_frame(frame, passage, word, link, &judged);
	return conclude(frame, passage, account.owner, account.audit, &judged);
}

SEC("xdp.frags")
int pm_xdp(struct xdp_md *ctx)
{
	const struct frame frame = { .ctx = ctx, .xdp = true, .length = bpf_xdp_get_buff_len(ctx) };
	struct passage passage = { .direction = PM_IN, .weight = { .packets = 1, .bytes = frame.length } };
	struct link_layer link = {};

	return filter(&frame, &passage, ctx->ingress_ifindex, &link) == PM_PASS ? XDP_PASS : XDP_DROP;
}

#define TC_PASS_ON -1 /* TCX_NEXT, TC_ACT_UNSPEC: whoever stands behind decides too */
#define TC_DROP 2     /* TC_ACT_SHOT */

SEC("tc")
int pm_tc(struct __sk_buff *ctx)
{
	const struct frame frame = { .ctx = ctx, .length = ctx->len, .segmented = ctx->gso_size > 0 };
	struct passage passage = { .direction = PM_OUT, .weight = weigh(ctx, 0) };
	struct link_layer link = {};

	if (ctx->vlan_present)
		add_tag(&link, ctx->vlan_tci);
	return filter(&frame, &passage, ctx->ifindex, &link) == PM_PASS ? TC_PASS_ON : TC_DROP;
}
