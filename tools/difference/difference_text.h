// SPDX-License-Identifier: Apache-2.0
// A policy's difference for people: properties, rules, and a table of packets.
#ifndef PORTMATRIX_TOOLS_DIFFERENCE_DIFFERENCE_TEXT_H_
#define PORTMATRIX_TOOLS_DIFFERENCE_DIFFERENCE_TEXT_H_

#include <cstddef>
#include <string>

#include "tools/difference/policy_difference.h"

namespace portmatrix {

// With colours where stdout has them. At most `limit` lines of rules and of packets each (zero:
// all); how many were left out is said.
std::string TextOf(const PolicyDifference& difference, size_t limit);

// "2 rules added, 1 changed; 3 kinds of packets now pass, 1 now drops"; "no difference"
std::string SummaryOf(const PolicyDifference& difference);

// PORTS of a line: "443, 50000-59999", "53 to 1024-65535", "type 8 code 0", "any".
std::string ServiceText(const PacketLine& line);
std::string ProtocolsText(const ProtocolSet& protocols);  // "tcp, udp", "any", "any but tcp"

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_DIFFERENCE_DIFFERENCE_TEXT_H_
