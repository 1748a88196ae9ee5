// SPDX-License-Identifier: Apache-2.0
// Regions of one family while they are made: each dimension is a set by its number, and what
// differs in one dimension only becomes one.
#ifndef PORTMATRIX_AGENT_POLICY_REGION_PATHS_H_
#define PORTMATRIX_AGENT_POLICY_REGION_PATHS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "agent/policy/packet_axes.h"
#include "agent/policy/packet_space.h"
#include "agent/policy/sequence_pool.h"
#include "agent/policy/value_pool.h"

namespace portmatrix {

// What is known of the live sets of both ends.
struct LiveCase {
  LiveSide from, to;
  bool operator==(const LiveCase&) const = default;
};

// Where it has neither ports nor types, its protocols may be of all kinds.
struct RegionPath {
  enum Kind : uint32_t { kAny, kPorts, kIcmp };
  enum Dimension : uint8_t { kProtocols, kServices, kSourcePorts, kLive, kFrom, kTo, kDimensions };

  uint32_t label = 0;
  uint32_t kind = kAny;
  std::array<uint32_t, kDimensions> sets{};
};

class RegionPaths {
 public:
  explicit RegionPaths(PacketAxes& axes) : axes_(axes) { Number(LiveCase()); }

  uint32_t Number(const ProtocolSet& protocols);
  uint32_t Number(const LiveCase& live);
  void Add(const RegionPath& path) { paths_.push_back(path); }

  // Merges as far as it goes.
  void Merge();
  void MoveTo(std::vector<LabelledRegion>& regions);

 private:
  using Dimension = RegionPath::Dimension;

  void MergeAlong(Dimension dimension);
  // Of some sets of a dimension, of which no two have a value in common.
  uint32_t Join(Dimension dimension, const std::vector<uint32_t>& sets);
  // Two that differ in whether one live set holds an address are one of which that is not known.
  void MergeLive();
  void MergeLive(LiveSide LiveCase::*side, LiveBits set);

  Stretches<uint32_t> Keys(ValuePool::Id values) const;
  std::shared_ptr<const AddressStretches> Addresses(PacketAxis axis, ValuePool::Id values);

  PacketAxes& axes_;
  std::vector<RegionPath> paths_;
  std::vector<ProtocolSet> protocols_;
  std::unordered_map<ProtocolSet, uint32_t> protocol_numbers_;
  std::vector<LiveCase> live_;
  SequencePool live_numbers_;
  std::map<std::pair<PacketAxis, ValuePool::Id>, std::shared_ptr<const AddressStretches>>
      addresses_;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_REGION_PATHS_H_
