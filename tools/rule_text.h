// SPDX-License-Identifier: Apache-2.0
// Rules as tables and JSON show them.
#ifndef PORTMATRIX_TOOLS_RULE_TEXT_H_
#define PORTMATRIX_TOOLS_RULE_TEXT_H_

#include <string>

#include "agent/policy/model.h"

namespace portmatrix {

std::string ProtocolText(const Match& match);  // "any", "tcp", "tcp, udp"
// "443, 50000-59999", "any", "53 to 1024-65535" with source ports, "type 8", "type 3 code 4"
std::string PortText(const Match& match);
const char* StateText(RuleState state);  // "active", "disabled", "expired", "inactive"

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_RULE_TEXT_H_
