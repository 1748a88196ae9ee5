// SPDX-License-Identifier: Apache-2.0
// The packets of one family, service by service: protocols that no match tells apart, their
// services and source ports likewise, then whether live sets hold an address, as far as that
// matters to what is left. What is left then differs by addresses alone (packet_plane.h).
#ifndef PORTMATRIX_AGENT_POLICY_PACKET_WALK_H_
#define PORTMATRIX_AGENT_POLICY_PACKET_WALK_H_

#include <cstdint>
#include <vector>

#include "agent/policy/packet_axes.h"
#include "agent/policy/packet_plane.h"
#include "agent/policy/packet_space.h"
#include "agent/policy/region_paths.h"
#include "agent/policy/sequence_pool.h"
#include "agent/policy/work_budget.h"

namespace portmatrix {

class PacketWalk {
 public:
  // All must outlive it.
  PacketWalk(const PacketQuestion& question, PacketAxes& axes, RegionPaths& paths,
             WorkBudget& budget);

  // Adds to the paths what has a label, and to `unknown` what the budget did not suffice for.
  void Run(std::vector<PacketServices>& unknown);

 private:
  // Indices of matches that may still hold, ascending.
  using Members = std::vector<uint32_t>;

  // What is decided on the way to a plane.
  struct Place {
    RegionPath path;
    LiveCase live;
  };

  void VisitProtocols(const ProtocolSet& protocols, std::vector<PacketServices>& unknown);
  // These return false if the budget did not suffice.
  bool VisitSourcePorts(Place place, const Members& members);
  bool VisitLive(const Place& place, Members members);
  bool VisitPlane(Place place, const Members& members);

  // What of each member's values there is on an axis.
  std::vector<ValuePool::Id> SetsOn(PacketAxis axis, const Place& place,
                                    const Members& members) const;
  ValuePool::Id SetOn(PacketAxis axis, const LiveCase& live, uint32_t match) const;
  // Without what stands behind a match for all that is left, from that axis on.
  Members Reachable(PacketAxis axis, const LiveCase& live, const Members& members) const;
  bool IsGone(const LiveCase& live, uint32_t match) const;
  bool TakesAll(PacketAxis axis, const LiveCase& live, uint32_t match) const;
  // Has all that is left label zero?
  bool IsSettled(const Members& members) const;

  const PacketQuestion& question_;
  PacketAxes& axes_;
  RegionPaths& paths_;
  WorkBudget& budget_;
  PacketAxis swept_;
  SequencePool plane_keys_;
  std::vector<std::vector<Rectangle>> planes_;  // by key: members and what live sets hold
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_PACKET_WALK_H_
