// SPDX-License-Identifier: Apache-2.0
// Packets that only their addresses tell apart: the plane of sources and destinations, cut into
// rectangles of one label. A line sweeps over the classes of one axis, and at each class of the
// other one the first match of each list is kept as matches come and go; so the work goes with what
// changes from one class to the next, not with how many pairs of classes there are.
#ifndef PORTMATRIX_AGENT_POLICY_PACKET_PLANE_H_
#define PORTMATRIX_AGENT_POLICY_PACKET_PLANE_H_

#include <cstdint>
#include <span>
#include <vector>

#include "agent/policy/packet_axes.h"
#include "agent/policy/packet_space.h"
#include "agent/policy/value_pool.h"
#include "agent/policy/work_budget.h"

namespace portmatrix {

struct PlaneMembers {
  // Matches of a question, ascending, and what of the axes they hold.
  std::vector<uint32_t> matches;
  std::vector<ValuePool::Id> from;
  std::vector<ValuePool::Id> to;
  std::vector<bool> matters;  // empty: all do
};

// Sets in the axes' pool.
struct Rectangle {
  uint32_t label = 0;
  ValuePool::Id from = 0;
  ValuePool::Id to = 0;
};

// Disjoint. The line sweeps over `swept`, kFrom or kTo: less work where most matches hold all of
// it. With the budget used up they are not all.
std::vector<Rectangle> CutPlane(const PacketQuestion& question, const PlaneMembers& members,
                                PacketAxis swept, PacketAxes& axes, WorkBudget& budget);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_PACKET_PLANE_H_
