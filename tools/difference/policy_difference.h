// SPDX-License-Identifier: Apache-2.0
// What another policy does on a node: to its rules as they are written, to its properties, and to
// packets. Equal policies that are written differently have rules that changed, and nothing else.
#ifndef PORTMATRIX_TOOLS_DIFFERENCE_POLICY_DIFFERENCE_H_
#define PORTMATRIX_TOOLS_DIFFERENCE_POLICY_DIFFERENCE_H_

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "agent/policy/fate_changes.h"
#include "agent/policy/model.h"
#include "agent/policy/policy.h"
#include "agent/policy/source.h"
#include "agent/policy/work_budget.h"
#include "tools/difference/address_text.h"
#include "tools/difference/property_changes.h"

namespace portmatrix {

// A policy that was read, and its node. A null node: nothing is in force, and nothing passes.
struct DifferenceSide {
  const Node* node = nullptr;
  const Policy* policy = nullptr;
  const Sources* sources = nullptr;
};

struct RuleChange {
  enum class Kind : uint8_t { kRemoved, kChanged, kAdded };
  Kind kind = Kind::kAdded;
  std::string rule;  // interface/matrix/id
  Direction direction = Direction::kIn;
  std::string place;    // "common/external.yaml:12"; of a removed one, where it was
  std::string details;  // of a changed one: "ports 443 -> 443, 8443; action allow -> deny"
};

// Of one end of packets: which dynamic sets hold its address, and which do not.
struct DynamicEnd {
  std::vector<std::string> in;
  std::vector<std::string> outside;
};

// Packets with one value of each; where there are two families, of one of them throughout.
struct PacketLine {
  std::string interface;
  Direction direction = Direction::kIn;
  bool answer = false;
  End from, to;
  DynamicEnd from_dynamic, to_dynamic;
  ProtocolSet protocols;
  Stretches<uint32_t> services;
  Stretches<uint32_t> source_ports;
  Fate was, becomes;
};

// Packets, of all addresses, that were not worked out: more of them may have another fate.
struct UnknownLine {
  std::string interface;
  Direction direction = Direction::kIn;
  bool answer = false;
  std::array<bool, 2> families{};  // IPv4, IPv6
  ProtocolSet protocols;
  Stretches<uint32_t> services;
};

struct PolicyDifference {
  std::string node;
  std::vector<PropertyChange> properties;
  std::vector<RuleChange> rules;
  bool reordered = false;  // of the rules that stay, some are judged in another order
  std::vector<PacketLine> packets;
  std::vector<UnknownLine> unknown;
  AddressText names = AddressText({}, {});

  // False: there may be more packets.
  bool complete() const { return unknown.empty(); }
  bool changes_fate() const { return !properties.empty() || !packets.empty() || !complete(); }
};

// What one difference may cost: a second or two at most. Policies of a thousand rules that have
// nothing in common need a part of it.
inline constexpr size_t kDifferenceSteps = 100'000'000;

// The sides outlive the answer.
PolicyDifference ComparePolicies(const DifferenceSide& before, const DifferenceSide& after,
                                 const FateQuestion& question,
                                 WorkBudget budget = WorkBudget(kDifferenceSteps));

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_DIFFERENCE_POLICY_DIFFERENCE_H_
