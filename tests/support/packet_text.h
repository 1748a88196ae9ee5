// SPDX-License-Identifier: Apache-2.0
// The facts of a packet as a test writes them, in one line.
#ifndef PORTMATRIX_TESTS_SUPPORT_PACKET_TEXT_H_
#define PORTMATRIX_TESTS_SUPPORT_PACKET_TEXT_H_

#include <optional>
#include <string>

#include "maps/layout.h"

namespace portmatrix {

// "malformed", or protocol and ports (ICMP: identifier and service in hexadecimal) and what else is
// not zero:
//   "6 49152>443 opening"
//   "17 5000>53 first id 7 header 8", "17 later id 7 at 1480"
//   "1 0>0303 error about 17 5000>53"
std::string Describe(const std::optional<pm_packet>& packet);

}  // namespace portmatrix

#endif  // PORTMATRIX_TESTS_SUPPORT_PACKET_TEXT_H_
