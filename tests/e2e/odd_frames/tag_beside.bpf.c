// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Gives a frame a tag that travels beside it, as a VLAN device does whose parent can insert tags: the socket's mark is the tag (TPID << 16 |
 * TCI), its priority the device that sends the frame then. On kernels without VLAN devices there is no other way to make one.
 */
#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define DROP 2 /* TC_ACT_SHOT */

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("tc")
int tag_beside(struct __sk_buff *frame)
{
	__u32 tag = frame->mark;

	if (bpf_skb_vlan_push(frame, bpf_htons(tag >> 16), tag & 0xffff))
		return DROP;
	return bpf_redirect(frame->priority, 0);
}
