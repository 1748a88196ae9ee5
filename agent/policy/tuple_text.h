// SPDX-License-Identifier: Apache-2.0
// A packet's tuple for people.
#ifndef PORTMATRIX_AGENT_POLICY_TUPLE_TEXT_H_
#define PORTMATRIX_AGENT_POLICY_TUPLE_TEXT_H_

#include <string>

#include "maps/layout.h"

namespace portmatrix {

// "tcp 198.51.100.7:49152 > 203.0.113.11:5061", "icmp 198.51.100.7 > 203.0.113.11 type 8 code 0"
std::string TupleText(const pm_tuple& tuple);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_TUPLE_TEXT_H_
