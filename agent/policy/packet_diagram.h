// SPDX-License-Identifier: Apache-2.0
// A question about packets of one family as a decision diagram: from node to node one axis is
// decided after the other, down to a label. Equal parts are one node, and no node stands where
// every value leads to the same, so two diagrams say the same exactly if they are the same.
#ifndef PORTMATRIX_AGENT_POLICY_PACKET_DIAGRAM_H_
#define PORTMATRIX_AGENT_POLICY_PACKET_DIAGRAM_H_

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "agent/policy/packet_axes.h"
#include "agent/policy/packet_space.h"
#include "agent/policy/value_pool.h"
#include "agent/policy/work_budget.h"

namespace portmatrix {

class PacketDiagram {
 public:
  // A label below kInner, else kInner + the index of a node.
  using Reference = uint32_t;
  static constexpr Reference kInner = 0x80000000;

  struct Edge {
    ValuePool::Id values;
    Reference to;
  };
  struct Node {
    PacketAxis axis;
    std::vector<Edge> edges;  // by their lowest values; what no edge holds has label zero
  };
  struct Root {
    ProtocolSet protocols;
    Reference to;
  };

  // `axes` holds the question's matches, and behind them its `within` if it has one. All three must
  // outlive the diagram.
  PacketDiagram(const PacketQuestion& question, PacketAxes& axes, WorkBudget& budget);

  const std::vector<Root>& roots() const { return roots_; }
  const Node& at(Reference node) const { return nodes_[node - kInner]; }

 private:
  // Indices of matches that may still hold, ascending.
  using Members = std::vector<uint32_t>;
  using NextAxis = std::optional<PacketAxis>;
  class Sweep;

  Reference Visit(NextAxis axis, Members members);
  Reference Cut(PacketAxis axis, const Members& members);
  Reference Label(const Members& members) const;
  // Drops what stands behind a match for all that is left.
  Members Reachable(NextAxis axis, const Members& members) const;
  bool TakesAll(NextAxis axis, uint32_t member) const;
  bool IsSettled(const Members& members) const;
  bool Matters(uint32_t member) const {
    return member < question_.matches.size() && question_.matches[member].matters;
  }
  Reference Intern(Node node);

  const PacketQuestion& question_;
  PacketAxes& axes_;
  WorkBudget& budget_;
  std::vector<Root> roots_;
  std::vector<Node> nodes_;
  std::unordered_map<std::vector<uint32_t>, Reference, NumbersHash> known_;    // by its content
  std::unordered_map<std::vector<uint32_t>, Reference, NumbersHash> visited_;  // by axis, members
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_PACKET_DIAGRAM_H_
