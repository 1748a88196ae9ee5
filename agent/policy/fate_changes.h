// SPDX-License-Identifier: Apache-2.0
// Which packets another policy gives another fate (fate.h): exactly, as regions
// of packets. Policies that mean the same have no difference, however they are
// written.
//
// Sources that are spoofed under both policies, and packets from their own
// destination, drop under both. They change no fate, and the regions do not cut
// them out: "any" may stand for any but them.
#ifndef PORTMATRIX_AGENT_POLICY_FATE_CHANGES_H_
#define PORTMATRIX_AGENT_POLICY_FATE_CHANGES_H_

#include <string>
#include <vector>

#include "agent/policy/fate.h"
#include "agent/policy/model.h"
#include "agent/policy/packet_space.h"
#include "agent/policy/work_budget.h"

namespace portmatrix {

struct FateChange {
  std::string interface;
  Direction direction = Direction::kIn;
  bool answer = false;  // of packets that open nothing
  Fate was, becomes;
  PacketRegion region;
};

// Packets that were not worked out.
struct UnknownFates {
  std::string interface;
  Direction direction = Direction::kIn;
  bool answer = false;
  PacketServices packets;
};

struct FateQuestion {
  // Packets too whose verdict stays, but is another rule's or another reason's.
  bool by_rule = false;
  // Answers too that only follow: to packets whose own fate as openings changes
  // in the same way. Else only those are told that no such line tells.
  bool all_answers = false;
};

struct FateChanges {
  // Of one interface, direction and kind disjoint. In the order of the
  // interfaces (those of `after`, then those that it lacks), directions,
  // openings before answers, rules of `after`, rules of `before`.
  std::vector<FateChange> changes;
  // What the budget did not suffice for: there may be more changes among these.
  std::vector<UnknownFates> unknown;
  // Live sets of both nodes, by the bits of the regions' live sides. Sets of one name are one: they
  // hold the same whichever policy judges.
  std::vector<std::string> live_sets;

  bool complete() const { return unknown.empty(); }
};

// Both nodes must outlive the answer. Interfaces are the same if their names
// are; on one that a node has not nothing passes there.
FateChanges CompareFates(const Node& before, const Node& after, const FateQuestion& question,
                         WorkBudget& budget);

// Sources whose packets an interface drops, whatever its rules say: what both policies have for
// local, and what never comes from outside. A null interface has nothing local. None where only one
// of them is a DHCP client, whose exchange passes from any source: there the regions cut them out.
AddressSet AlwaysSpoofed(const Interface* before, const Interface* after);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_FATE_CHANGES_H_
