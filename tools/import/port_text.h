// SPDX-License-Identifier: Apache-2.0
// Port numbers as people write them in tables: "50,000-59,999", "80 and 443", "1024 to 65535".
#ifndef PORTMATRIX_TOOLS_IMPORT_PORT_TEXT_H_
#define PORTMATRIX_TOOLS_IMPORT_PORT_TEXT_H_

#include <string>
#include <string_view>
#include <vector>

#include "agent/policy/model.h"

namespace portmatrix {

struct PortsRead {
  std::vector<PortRange> ports;  // sorted, merged; empty: all of them
  std::string problem;           // in words, if the text is no list of ports or more than one
};

// `text` is plain (plain_text.h). A comma or blank between digits may separate thousands or ports:
// every reading is tried, and only if exactly one gives ports, it is taken. "any", "all" and "*"
// are all ports.
PortsRead ReadPortText(std::string_view text);

// "443, 50000-59999"
std::string PortsText(const std::vector<PortRange>& ports);

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_IMPORT_PORT_TEXT_H_
