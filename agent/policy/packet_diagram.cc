// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/packet_diagram.h"

#include <algorithm>
#include <utility>

#include "agent/policy/protocol.h"
#include "agent/policy/service_reader.h"

namespace portmatrix {
namespace {

std::optional<PacketAxis> FirstAxis(uint8_t protocol) {
  if (HasPorts(protocol)) return PacketAxis::kPort;
  return IsIcmp(protocol) ? PacketAxis::kIcmp : PacketAxis::kFrom;
}

std::optional<PacketAxis> AxisAfter(PacketAxis axis) {
  switch (axis) {
    case PacketAxis::kPort:
      return PacketAxis::kSourcePort;
    case PacketAxis::kIcmp:
    case PacketAxis::kSourcePort:
      return PacketAxis::kFrom;
    case PacketAxis::kFrom:
      return PacketAxis::kTo;
    case PacketAxis::kTo:
      break;
  }
  return std::nullopt;
}

constexpr size_t kMostProtocols = 128;

// So that "every protocol" is the same in both families.
ProtocolSet WithForeign(ProtocolSet protocols, Family family) {
  if (protocols.count() >= kMostProtocols) {
    protocols.set(family == Family::kIpv4 ? protocol::kIcmpv6 : protocol::kIcmp);
  }
  return protocols;
}

}  // namespace

// One axis from its lowest value to its greatest: which sets hold, stretch by stretch. Members with
// equal sets come and go together.
class PacketDiagram::Sweep {
 public:
  Sweep(const PacketDiagram& diagram, PacketAxis axis, const Members& members)
      : diagram_(diagram), last_(diagram.axes_.Greatest(axis)) {
    std::vector<std::pair<ValuePool::Id, uint32_t>> bound;
    for (const uint32_t member : members) {
      const ValuePool::Id values = diagram.axes_.At(axis, member);
      if (values == ValuePool::kAll) {
        always_.push_back(member);
        if (diagram.Matters(member)) ++mattering_;
      } else {
        bound.emplace_back(values, member);
      }
    }
    std::ranges::sort(bound);
    for (size_t i = 0; i < bound.size(); ++i) {
      if (i == 0 || bound[i].first != bound[i - 1].first) AddGroup(bound[i].first);
      groups_.back().members.push_back(bound[i].second);
      if (diagram.Matters(bound[i].second)) ++groups_.back().mattering;
    }
    std::ranges::sort(edges_, {}, &Boundary::position);
  }

  size_t size() const { return edges_.size() + always_.size(); }

  // Calls visit(stretch, active groups) for each stretch, of a sparse question only where something
  // matters.
  template <typename Visitor>
  void ForEach(Visitor visit) {
    uint32_t position = 0;
    for (size_t i = 0; i <= edges_.size();) {
      const uint32_t next = i < edges_.size() ? edges_[i].position : last_ + 1;
      if (next > position && (mattering_ > 0 || !diagram_.question_.sparse))
        visit(Stretch<uint32_t>{position, next - 1}, active_);
      position = next;
      if (i == edges_.size()) break;
      for (; i < edges_.size() && edges_[i].position == position; ++i) Cross(edges_[i]);
    }
  }

  Members MembersOf(const std::vector<uint32_t>& active) const {
    Members members = always_;
    for (const uint32_t group : active) {
      members.insert(members.end(), groups_[group].members.begin(), groups_[group].members.end());
    }
    std::ranges::sort(members);
    return members;
  }

 private:
  struct Group {
    Members members;
    size_t mattering = 0;
  };
  struct Boundary {
    uint32_t position;
    uint32_t group;
    bool begins;
  };

  void AddGroup(ValuePool::Id values) {
    const auto group = static_cast<uint32_t>(groups_.size());
    groups_.emplace_back();
    for (const Stretch<uint32_t>& stretch : diagram_.axes_.pool().at(values)) {
      edges_.push_back({stretch.first, group, true});
      if (stretch.last < last_) edges_.push_back({stretch.last + 1, group, false});
    }
  }

  void Cross(const Boundary& edge) {
    const auto place = std::ranges::lower_bound(active_, edge.group);
    if (edge.begins) {
      active_.insert(place, edge.group);
      mattering_ += groups_[edge.group].mattering;
    } else {
      active_.erase(place);
      mattering_ -= groups_[edge.group].mattering;
    }
  }

  const PacketDiagram& diagram_;
  uint32_t last_;
  Members always_;
  std::vector<Group> groups_;
  std::vector<Boundary> edges_;
  std::vector<uint32_t> active_;  // groups, ascending
  size_t mattering_ = 0;
};

PacketDiagram::PacketDiagram(const PacketQuestion& question, PacketAxes& axes, WorkBudget& budget)
    : question_(question), axes_(axes), budget_(budget) {
  const size_t count = question.matches.size() + (question.within != nullptr ? 1 : 0);
  std::unordered_map<Reference, size_t> root_of;
  for (int number = 0; number < 256 && !budget_.used_up(); ++number) {
    const auto protocol = static_cast<uint8_t>(number);
    Members members;
    for (uint32_t i = 0; i < count; ++i) {
      if (axes_.IsPossible(i) && axes_.protocols(i).test(protocol)) members.push_back(i);
    }
    budget_.Spend(count / 16 + 1);
    const Reference to = Visit(FirstAxis(protocol), std::move(members));
    if (to == 0) continue;
    const auto [root, added] = root_of.try_emplace(to, roots_.size());
    if (added) roots_.push_back({{}, to});
    roots_[root->second].protocols.set(protocol);
  }
  for (Root& root : roots_) root.protocols = WithForeign(root.protocols, axes_.family());
}

PacketDiagram::Reference PacketDiagram::Visit(NextAxis axis, Members members) {
  if (budget_.used_up()) return 0;
  members = Reachable(axis, members);
  if (IsSettled(members)) return 0;
  if (!axis) return Label(members);
  std::vector<uint32_t> key = members;
  key.push_back(static_cast<uint32_t>(*axis));
  if (const auto known = visited_.find(key); known != visited_.end()) return known->second;
  const Reference reference = Cut(*axis, members);
  visited_.emplace(std::move(key), reference);
  return reference;
}

PacketDiagram::Reference PacketDiagram::Cut(PacketAxis axis, const Members& members) {
  Sweep sweep(*this, axis, members);
  budget_.Spend(sweep.size() * 4);
  std::unordered_map<std::vector<uint32_t>, Reference, NumbersHash> classes;
  std::vector<std::pair<Reference, Values>> children;
  std::unordered_map<Reference, size_t> child_of;
  sweep.ForEach([&](const Stretch<uint32_t>& stretch, const std::vector<uint32_t>& active) {
    if (budget_.used_up()) return;
    budget_.Spend(active.size() + 1);
    const auto [known, added] = classes.try_emplace(active);
    if (added) {
      Members nearer = sweep.MembersOf(active);
      budget_.Spend(nearer.size());
      known->second = Visit(AxisAfter(axis), std::move(nearer));
    }
    if (known->second == 0) return;
    const auto [child, first] = child_of.try_emplace(known->second, children.size());
    if (first) children.emplace_back(known->second, Values());
    children[child->second].second.push_back(stretch);
  });
  Node node{axis, {}};
  for (const auto& [child, values] : children) {
    node.edges.push_back({axes_.pool().Add(values, axes_.Greatest(axis)), child});
  }
  if (node.edges.empty()) return 0;
  if (node.edges[0].values == ValuePool::kAll) return node.edges[0].to;
  return Intern(std::move(node));
}

PacketDiagram::Reference PacketDiagram::Label(const Members& members) const {
  std::vector<size_t> first(question_.lists, kNoMatch);
  for (const uint32_t member : members) {
    if (member == question_.matches.size()) break;
    size_t& of_list = first[question_.matches[member].list];
    if (of_list == kNoMatch) of_list = member;
  }
  return question_.label(first);
}

PacketDiagram::Members PacketDiagram::Reachable(NextAxis axis, const Members& members) const {
  Members reachable;
  std::optional<uint32_t> closed;  // the list that nothing behind can be first in any more
  for (const uint32_t member : members) {
    if (member == question_.matches.size()) {
      reachable.push_back(member);
      break;
    }
    const uint32_t list = question_.matches[member].list;
    if (closed == list) continue;
    reachable.push_back(member);
    if (TakesAll(axis, member)) closed = list;
  }
  return reachable;
}

bool PacketDiagram::TakesAll(NextAxis axis, uint32_t member) const {
  for (; axis; axis = AxisAfter(*axis)) {
    if (axes_.At(*axis, member) != ValuePool::kAll) return false;
  }
  return true;
}

bool PacketDiagram::IsSettled(const Members& members) const {
  std::span<const uint32_t> asked = members;
  if (question_.within != nullptr) {
    if (members.empty() || members.back() != question_.matches.size()) return true;
    asked = asked.first(asked.size() - 1);
  }
  if (question_.sparse &&
      std::ranges::none_of(asked, [this](uint32_t member) { return Matters(member); })) {
    return true;
  }
  return question_.settled && question_.settled(asked);
}

PacketDiagram::Reference PacketDiagram::Intern(Node node) {
  std::vector<uint32_t> key = {static_cast<uint32_t>(node.axis)};
  for (const Edge& edge : node.edges) {
    key.push_back(edge.values);
    key.push_back(edge.to);
  }
  const auto [known, added] =
      known_.try_emplace(std::move(key), kInner + static_cast<Reference>(nodes_.size()));
  if (added) nodes_.push_back(std::move(node));
  return known->second;
}

}  // namespace portmatrix
