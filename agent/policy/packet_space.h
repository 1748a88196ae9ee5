// SPDX-License-Identifier: Apache-2.0
// The space of all packets, as far as rules can tell them apart: by family, protocol, service
// (destination port, or ICMP type and code), source port, source and destination address. Lists of
// matches, each asked in its order, cut it into disjoint regions whose packets meet the same first
// match in every list. Whether a live set holds an address is one more thing that tells packets
// apart: what it holds is unknown, so every packet is asked about with it and without.
//
// One list alone tells what a policy does with packets; two tell what a change does. Exact: nothing
// is sampled, and what the work did not suffice for is said.
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

// Some live sets by their numbers: bit i stands for set i.
using LiveBits = uint64_t;

// What is known of the live sets that hold an address.
struct LiveSide {
  LiveBits known = 0;
  LiveBits held = 0;  // of those known

  bool Agrees(LiveBits holding) const { return (holding & known) == held; }
  bool operator==(const LiveSide&) const = default;
};

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
  LiveSide from_live, to_live;  // of the addresses, only those that the live sets hold so

  bool Contains(const pm_tuple& tuple, LiveBits from_holding = 0, LiveBits to_holding = 0) const;
};

// Values of a whole dimension: ports, or types and codes.
const Stretches<uint32_t>& AllServices();

// A packet of the region: of TCP, else UDP, else the lowest protocol that it has; from a dynamic
// port (49152 and up) if it can; else the lowest values.
pm_tuple PacketIn(const PacketRegion& region);

inline constexpr size_t kNoMatch = SIZE_MAX;

struct AskedMatch {
  const Match* match = nullptr;  // its own live sets are not looked at, but those below
  uint32_t list = 0;
  bool matters = true;  // see PacketQuestion::sparse
  uint32_t kind = 0;    // see PacketQuestion::kinds
  LiveBits from_live = 0;
  LiveBits to_live = 0;
};

struct PacketQuestion {
  // List by list (0, 1, ...), each in the order in which its matches are asked. They must outlive
  // the call.
  std::vector<AskedMatch> matches;
  uint32_t lists = 1;
  // What to say of packets that meet first[i] first in list i: an index into `matches`, or
  // kNoMatch. Regions of different labels are told apart, and those of label zero not told.
  std::function<uint32_t(std::span<const size_t> first)> label;
  // Promised: packets of which no first match has `matters` get label zero. Where few matches
  // matter, the work is little, however long the lists are.
  bool sparse = false;
  // Promised: packets whose first matches, as far as there are any, are all of one kind get label
  // zero.
  bool kinds = false;
};

struct LabelledRegion {
  uint32_t label = 0;
  PacketRegion region;
};

// All packets of a family and some protocols to some services.
struct PacketServices {
  Family family = Family::kIpv4;
  ProtocolSet protocols;
  Stretches<uint32_t> services;
};

struct PacketRegions {
  // Disjoint; merged where two of one label differ in one dimension only. By label, then as found;
  // the same on every machine.
  std::vector<LabelledRegion> regions;
  // What the budget did not suffice for: of these packets some may be in no region. The regions
  // that are there are right.
  std::vector<PacketServices> unknown;

  bool complete() const { return unknown.empty(); }
};

PacketRegions CutPackets(const PacketQuestion& question, WorkBudget& budget);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_PACKET_SPACE_H_
