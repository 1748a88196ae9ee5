// SPDX-License-Identifier: Apache-2.0
// Reads protocols and ports: what a rule or failsafe entry says beside its addresses.
#ifndef PORTMATRIX_AGENT_POLICY_SERVICE_READER_H_
#define PORTMATRIX_AGENT_POLICY_SERVICE_READER_H_

#include <cstdint>
#include <optional>
#include <string>

#include "agent/policy/diagnostic.h"
#include "agent/policy/fields.h"
#include "agent/policy/policy.h"

namespace portmatrix {

// tcp, udp and sctp: protocols whose packets carry ports.
bool HasPorts(uint8_t protocol);
bool IsIcmp(uint8_t protocol);  // of either family
// "tcp", or the number.
std::string ProtocolWord(uint8_t protocol);
// A protocol's word or number; `any` is none.
std::optional<uint8_t> ParseProtocol(std::string_view text);

// One protocol, not `any`; reports what is wrong.
std::optional<uint8_t> ReadProtocol(const YamlNode& value, Diagnostics& diagnostics);
std::optional<uint16_t> ReadPort(const YamlNode& value, std::string_view thing,
                                 Diagnostics& diagnostics);

// Takes `protocol`, `ports`, `source_ports`, `icmp_type` and `icmp_code`, and checks that they fit
// together. Without `protocol`, the protocols are those `inherited`; if nothing is, it is missing.
WrittenService ReadService(Fields& fields, Diagnostics& diagnostics,
                           const WrittenService* inherited = nullptr);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_SERVICE_READER_H_
