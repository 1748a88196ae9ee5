// SPDX-License-Identifier: Apache-2.0
// The space of all packets, as far as rules can tell them apart: by family, protocol, service
// (destination port, or ICMP type and code), source port, source and destination address. Lists of
// matches, each asked in its order, cut it into disjoint regions whose packets meet the same first
// match in every list.
//
// One list alone tells what a policy does with some packets (an expectation that holds for all of
// them, and a packet for which it does not); two tell what a change does, or whether a rule could
// go. Exact: nothing is sampled, and what the work did not suffice for is said.
//
//   PacketQuestion question;
//   for (const Rule& rule : rules) question.matches.push_back({&rule.match});
//   question.label = [&](std::span<const size_t> first) -> uint32_t {
//     return first[0] == kNoMatch ? 1 : 0;  // tell what no rule takes
//   };
//   WorkBudget budget(10'000'000);
//   const PacketRegions open = CutPackets(question, budget);
#ifndef PORTMATRIX_AGENT_POLICY_PACKET_SPACE_H_
#define PORTMATRIX_AGENT_POLICY_PACKET_SPACE_H_

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "agent/policy/address_stretches.h"
#include "agent/policy/model.h"
#include "agent/policy/work_budget.h"
#include "maps/layout.h"

namespace portmatrix {

using ProtocolSet = std::bitset<256>;

// All packets of a family with one value of each dimension; never empty. In packets of a protocol
// that has no ports or types, `services` and `source_ports` hold everything.
struct PacketRegion {
  Family family = Family::kIpv4;
  // ICMP of the other family, which no packet has, is in it where most protocols are.
  ProtocolSet protocols;
  Stretches<uint32_t> services;                  // destination ports, or ICMP type << 8 | code
  Stretches<uint32_t> source_ports;              // of TCP, UDP and SCTP
  std::shared_ptr<const AddressStretches> from;  // regions of one answer share equal ones
  std::shared_ptr<const AddressStretches> to;

  bool Contains(const pm_tuple& tuple) const;
};

// Values of a whole dimension: ports, or types and codes.
const Stretches<uint32_t>& AllServices();

// A packet of the region: of TCP, else UDP, else the lowest protocol that it has; from a dynamic
// port (49152 and up) if it can; else the lowest values.
pm_tuple PacketIn(const PacketRegion& region);

inline constexpr size_t kNoMatch = SIZE_MAX;

struct AskedMatch {
  const Match* match = nullptr;
  uint32_t list = 0;
  bool matters = false;  // see PacketQuestion::sparse
};

struct PacketQuestion {
  // List by list (0, 1, ...), each in the order in which its matches are asked. They must outlive
  // the call.
  std::vector<AskedMatch> matches;
  uint32_t lists = 1;
  // Only packets of this match are asked about; null: all.
  const Match* within = nullptr;
  // What to say of packets that meet first[i] first in list i: an index into `matches`, or
  // kNoMatch. Regions of different labels are told apart, and those of label zero not told.
  std::function<uint32_t(std::span<const size_t> first)> label;
  // Promised: packets of which no first match has `matters` get label zero. Where few matches
  // matter, the work is little, however long the lists are.
  bool sparse = false;
  // Spares work where it is given: do packets that may match these (ascending indices into
  // `matches`; the last of a list matches all that is left, if it is a match for all) surely get
  // label zero?
  std::function<bool(std::span<const uint32_t> left)> settled = {};
};

struct LabelledRegion {
  uint32_t label = 0;
  PacketRegion region;
};

struct PacketRegions {
  // Disjoint; merged where two of one label differ in one dimension only. By label, then as found;
  // the same on every machine.
  std::vector<LabelledRegion> regions;
  // False: the budget or the room for regions did not suffice. Those that are there are right, but
  // there may be more.
  bool complete = true;
};

// At most so many regions before merging.
inline constexpr size_t kMaxRegions = 200'000;

PacketRegions CutPackets(const PacketQuestion& question, WorkBudget& budget);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_PACKET_SPACE_H_
