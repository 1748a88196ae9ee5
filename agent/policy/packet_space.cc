// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/packet_space.h"

#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>
#include <utility>

#include "agent/policy/packet_axes.h"
#include "agent/policy/packet_diagram.h"
#include "agent/policy/protocol.h"
#include "agent/policy/service_reader.h"
#include "agent/policy/tuple.h"

namespace portmatrix {
namespace {

constexpr uint32_t kLastKey = 0xffff;
constexpr uint32_t kFirstDynamicPort = 49152;  // RFC 6335, section 6

template <typename Value>
bool HoldsValue(const Stretches<Value>& stretches, const Value& value) {
  const auto behind = std::ranges::upper_bound(stretches, value, {}, &Stretch<Value>::first);
  return behind != stretches.begin() && value <= std::prev(behind)->last;
}

// A region whose sets are numbers in pools. Where it has neither ports nor types, its protocols may
// be of all kinds.
struct Path {
  enum class Kind : uint8_t { kAny, kPorts, kIcmp };
  enum Dimension : uint8_t { kProtocols, kServices, kSourcePorts, kFrom, kTo, kDimensions };

  uint32_t label = 0;
  Kind kind = Kind::kAny;
  std::array<uint32_t, kDimensions> sets{};
};

// All that leads to labels in one family's diagram, as regions that are merged as far as they go.
class Paths {
 public:
  Paths(const PacketDiagram& diagram, PacketAxes& axes, WorkBudget& budget)
      : diagram_(diagram), axes_(axes), budget_(budget) {
    for (const PacketDiagram::Root& root : diagram.roots()) {
      Path path;
      path.sets[Path::kProtocols] = Number(root.protocols);
      Follow(root.to, path);
    }
    while (MergeOnce()) continue;
  }

  bool complete() const { return complete_; }

  void MoveTo(std::vector<LabelledRegion>& regions) {
    for (const Path& path : paths_) {
      LabelledRegion& made = regions.emplace_back();
      made.label = path.label;
      made.region.family = axes_.family();
      made.region.protocols = protocols_[path.sets[Path::kProtocols]];
      made.region.services = Keys(path.sets[Path::kServices]);
      made.region.source_ports = Keys(path.sets[Path::kSourcePorts]);
      made.region.from = Addresses(PacketAxis::kFrom, path.sets[Path::kFrom]);
      made.region.to = Addresses(PacketAxis::kTo, path.sets[Path::kTo]);
    }
  }

 private:
  void Follow(PacketDiagram::Reference reference, Path path) {
    if (reference < PacketDiagram::kInner) {
      if (paths_.size() == kMaxRegions) complete_ = false;
      if (!complete_) return;
      path.label = reference;
      paths_.push_back(path);
      budget_.Spend(Path::kDimensions);
      return;
    }
    const PacketDiagram::Node& node = diagram_.at(reference);
    for (const PacketDiagram::Edge& edge : node.edges) {
      Path longer = path;
      switch (node.axis) {
        case PacketAxis::kPort:
          longer.kind = Path::Kind::kPorts;
          longer.sets[Path::kServices] = edge.values;
          break;
        case PacketAxis::kIcmp:
          longer.kind = Path::Kind::kIcmp;
          longer.sets[Path::kServices] = edge.values;
          break;
        case PacketAxis::kSourcePort:
          longer.kind = Path::Kind::kPorts;
          longer.sets[Path::kSourcePorts] = edge.values;
          break;
        case PacketAxis::kFrom:
          longer.sets[Path::kFrom] = edge.values;
          break;
        case PacketAxis::kTo:
          longer.sets[Path::kTo] = edge.values;
          break;
      }
      Follow(edge.to, longer);
    }
  }

  // Joins, dimension by dimension, what is equal in all others. False if nothing was.
  bool MergeOnce() {
    const size_t before = paths_.size();
    for (const auto dimension :
         {Path::kTo, Path::kFrom, Path::kSourcePorts, Path::kServices, Path::kProtocols}) {
      MergeAlong(dimension);
    }
    return paths_.size() < before;
  }

  void MergeAlong(Path::Dimension dimension) {
    std::vector<Path> merged;
    std::unordered_map<std::vector<uint32_t>, size_t, NumbersHash> place_of;
    for (const Path& path : paths_) {
      std::vector<uint32_t> key = {path.label, static_cast<uint32_t>(path.kind)};
      for (size_t other = 0; other < Path::kDimensions; ++other) {
        if (other != dimension) key.push_back(path.sets[other]);
      }
      const auto [place, added] = place_of.try_emplace(std::move(key), merged.size());
      if (added) {
        merged.push_back(path);
      } else {
        Join(merged[place->second], path, dimension);
      }
    }
    paths_ = std::move(merged);
  }

  void Join(Path& path, const Path& other, Path::Dimension dimension) {
    uint32_t& set = path.sets[dimension];
    if (dimension == Path::kProtocols) {
      set = Number(protocols_[set] | protocols_[other.sets[dimension]]);
      return;
    }
    set = axes_.pool().Join(set, other.sets[dimension], LastOf(dimension));
    if (path.sets[Path::kServices] == ValuePool::kAll &&
        path.sets[Path::kSourcePorts] == ValuePool::kAll) {
      path.kind = Path::Kind::kAny;
    }
  }

  uint32_t LastOf(Path::Dimension dimension) const {
    if (dimension == Path::kFrom) return axes_.Greatest(PacketAxis::kFrom);
    return dimension == Path::kTo ? axes_.Greatest(PacketAxis::kTo) : kLastKey;
  }

  uint32_t Number(const ProtocolSet& protocols) {
    const auto [known, added] =
        protocol_numbers_.try_emplace(protocols, static_cast<uint32_t>(protocols_.size()));
    if (added) protocols_.push_back(protocols);
    return known->second;
  }

  const Stretches<uint32_t>& Keys(ValuePool::Id values) {
    return values == ValuePool::kAll ? AllServices() : axes_.pool().at(values);
  }

  std::shared_ptr<const AddressStretches> Addresses(PacketAxis axis, ValuePool::Id values) {
    auto& shared = addresses_[{axis == PacketAxis::kFrom, values}];
    if (shared == nullptr) {
      shared = std::make_shared<const AddressStretches>(axes_.AddressesOf(axis, values));
    }
    return shared;
  }

  const PacketDiagram& diagram_;
  PacketAxes& axes_;
  WorkBudget& budget_;
  bool complete_ = true;
  std::vector<Path> paths_;
  std::vector<ProtocolSet> protocols_;
  std::unordered_map<ProtocolSet, uint32_t> protocol_numbers_;
  std::map<std::pair<bool, ValuePool::Id>, std::shared_ptr<const AddressStretches>> addresses_;
};

uint8_t PlainestProtocol(const ProtocolSet& protocols, Family family) {
  for (const uint8_t usual : {protocol::kTcp, protocol::kUdp}) {
    if (protocols.test(usual)) return usual;
  }
  const uint8_t foreign = family == Family::kIpv4 ? protocol::kIcmpv6 : protocol::kIcmp;
  uint8_t lowest = 0;
  while (lowest < 255 && (!protocols.test(lowest) || lowest == foreign)) ++lowest;
  return lowest;
}

}  // namespace

bool PacketRegion::Contains(const pm_tuple& tuple) const {
  if (tuple.family != static_cast<uint8_t>(family) || !protocols.test(tuple.protocol)) return false;
  if (HasPorts(tuple.protocol) && !HoldsValue(source_ports, uint32_t{tuple.source_port}))
    return false;
  if ((HasPorts(tuple.protocol) || portmatrix::IsIcmp(tuple.protocol)) &&
      !HoldsValue(services, uint32_t{tuple.destination_port})) {
    return false;
  }
  return HoldsValue(*from, TupleSource(tuple)) && HoldsValue(*to, TupleDestination(tuple));
}

const Stretches<uint32_t>& AllServices() {
  static const Stretches<uint32_t> all = {{0, kLastKey}};
  return all;
}

pm_tuple PacketIn(const PacketRegion& region) {
  const uint8_t protocol = PlainestProtocol(region.protocols, region.family);
  pm_tuple tuple = MakeTuple(region.from->front().first, region.to->front().first, protocol);
  if (HasPorts(protocol)) {
    const bool dynamic = HoldsValue(region.source_ports, kFirstDynamicPort);
    const uint32_t source = dynamic ? kFirstDynamicPort : region.source_ports.front().first;
    tuple.source_port = static_cast<uint16_t>(source);
  }
  if (HasPorts(protocol) || IsIcmp(protocol)) {
    tuple.destination_port = static_cast<uint16_t>(region.services.front().first);
  }
  return tuple;
}

PacketRegions CutPackets(const PacketQuestion& question, WorkBudget& budget) {
  std::vector<const Match*> matches;
  matches.reserve(question.matches.size() + 1);
  for (const AskedMatch& asked : question.matches) matches.push_back(asked.match);
  if (question.within != nullptr) matches.push_back(question.within);

  PacketRegions answer;
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    PacketAxes axes(matches, family, budget);
    const PacketDiagram diagram(question, axes, budget);
    Paths paths(diagram, axes, budget);
    answer.complete = answer.complete && paths.complete() && !budget.used_up();
    paths.MoveTo(answer.regions);
  }
  std::ranges::stable_sort(answer.regions, {}, &LabelledRegion::label);
  return answer;
}

}  // namespace portmatrix
