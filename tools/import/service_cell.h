// SPDX-License-Identifier: Apache-2.0
// The cell that says role, protocol, transport and port at once, taken apart:
// "Access/SIP(TLS)/TCP/443", "PSOM(TLS)TCP/443", "STUN/TCP and UDP/3478", "443/TCP, 3478/UDP".
#ifndef PORTMATRIX_TOOLS_IMPORT_SERVICE_CELL_H_
#define PORTMATRIX_TOOLS_IMPORT_SERVICE_CELL_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/policy/model.h"

namespace portmatrix {

// Protocols that share their ports.
struct CellService {
  std::vector<std::string> protocols;  // as the policy language writes them: "tcp", "50", "any"
  std::vector<PortRange> ports;        // empty: all, or none to have
  std::optional<uint8_t> icmp_type;
};

struct ServiceCell {
  std::string role;  // what stands before transport and port: "Access/SIP(TLS)"
  std::vector<CellService> services;
  std::string problem;  // in words, where the cell is not understood
};

// `text` is plain (plain_text.h). Nothing in it is skipped: what is neither role, transport nor
// port is a problem.
ServiceCell ReadServiceCell(std::string_view text);

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_IMPORT_SERVICE_CELL_H_
