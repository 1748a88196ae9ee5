/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel program's parser as a function of this machine, over a plain buffer. */
#ifndef PORTMATRIX_TESTS_FUZZ_KERNEL_PARSER_H_
#define PORTMATRIX_TESTS_FUZZ_KERNEL_PARSER_H_

#include <linux/types.h>

#include "maps/layout.h"

#ifdef __cplusplus
extern "C" {
#endif

enum pm_host_result {
  PM_HOST_OK,
  PM_HOST_MALFORMED,
  PM_HOST_INTERNAL, /* it read outside of the frame */
};

/* What it learnt, as far as it came. */
struct pm_host_facts {
  __u32 link_result; /* enum pm_host_result */
  __u32 payload_at;
  __u16 outer; /* VIDs without priority tags */
  __u16 inner;
  __u16 ethertype;
  __u32 packet_result; /* of IPv4 and IPv6 */
  struct pm_packet packet;
};

/* `tci` is of a tag that travels beside the frame, where there is one. */
struct pm_host_facts pm_host_parse(const void *frame, __u32 length, int segmented, int has_tag,
                                   __u16 tci);

#ifdef __cplusplus
}
#endif

#endif /* PORTMATRIX_TESTS_FUZZ_KERNEL_PARSER_H_ */
