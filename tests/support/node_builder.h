// SPDX-License-Identifier: Apache-2.0
// Resolved policies written down in tests: rules as rows, addresses as text.
#ifndef PORTMATRIX_TESTS_SUPPORT_NODE_BUILDER_H_
#define PORTMATRIX_TESTS_SUPPORT_NODE_BUILDER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/policy/model.h"

namespace portmatrix {

// What a row of a rule or failsafe entry means by its addresses and service.
struct MatchRow {
  std::vector<std::string> from = {};        // prefixes; empty: any
  std::vector<std::string> to = {};          // likewise
  std::vector<uint8_t> protocols = {};       // empty: any
  std::vector<PortRange> ports = {};         // sorted
  std::vector<PortRange> source_ports = {};  // sorted
  std::optional<uint8_t> icmp_type = {};
  std::optional<uint8_t> icmp_code = {};
};

struct RuleRow {
  std::string id;
  Direction direction = Direction::kIn;
  MatchRow match = {};
  Action action = Action::kAllow;
  RuleState state = RuleState::kActive;
};

constexpr PortRange Port(uint16_t port) { return {.first = port, .last = port}; }

AddressSet Addresses(const std::vector<std::string>& prefixes);  // empty: any
Match MakeMatch(const MatchRow& row);
// Of the matrix `m`, with its key.
Rule MakeRule(const std::string& interface, const RuleRow& row);
FailsafeEntry MakeFailsafe(const MatchRow& row);
// On one device, with ARP on its list and all else as an interface has it by default.
Interface MakeInterface(const std::string& name, const std::string& device,
                        const std::vector<std::string>& local, const std::vector<RuleRow>& rules);
// The rule of the interface with this id; it must exist.
Rule& RuleOf(Node& node, const std::string& interface, const std::string& id);
void RemoveRule(Node& node, const std::string& interface, const std::string& id);

}  // namespace portmatrix

#endif  // PORTMATRIX_TESTS_SUPPORT_NODE_BUILDER_H_
