/* SPDX-License-Identifier: Apache-2.0 */
#define PORTMATRIX_HOST_BUILD
#include "tests/fuzz/kernel_parser.h"

#include "bpf/parse.h"

_Static_assert((int)PM_HOST_OK == PARSE_OK && (int)PM_HOST_MALFORMED == PARSE_MALFORMED &&
	       (int)PM_HOST_INTERNAL == PARSE_INTERNAL, "the same results in the same order");

struct pm_host_facts pm_host_parse(const void *bytes, __u32 length, int segmented, int has_tag, __u16 tci)
{
	const struct frame frame = { .ctx = (void *)bytes, .segmented = segmented, .length = length };
	struct pm_host_facts facts = { 0 };
	struct link_layer link = { 0 };

	if (has_tag)
		add_tag(&link, tci);
	facts.link_result = (__u32)parse_link(&frame, &link);
	if (facts.link_result)
		return facts;
	facts.payload_at = link.end;
	facts.outer = link.outer;
	facts.inner = link.inner;
	facts.ethertype = link.ethertype;
	if (link.ethertype == ETHERTYPE_IPV4 || link.ethertype == ETHERTYPE_IPV6)
		facts.packet_result = (__u32)parse_ip(&frame, link.ethertype, link.end, &facts.packet);
	return facts;
}
