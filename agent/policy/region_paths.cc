// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/region_paths.h"

#include <algorithm>

namespace portmatrix {
namespace {

uint32_t Low(LiveBits bits) { return static_cast<uint32_t>(bits); }
uint32_t High(LiveBits bits) { return static_cast<uint32_t>(bits >> 32); }

constexpr uint32_t kNone = UINT32_MAX;

}  // namespace

uint32_t RegionPaths::Number(const ProtocolSet& protocols) {
  const auto [known, added] =
      protocol_numbers_.try_emplace(protocols, static_cast<uint32_t>(protocols_.size()));
  if (added) protocols_.push_back(protocols);
  return known->second;
}

uint32_t RegionPaths::Number(const LiveCase& live) {
  std::vector<uint32_t> numbers;
  for (const LiveSide* side : {&live.from, &live.to}) {
    for (const LiveBits bits : {side->known, side->held}) {
      numbers.push_back(Low(bits));
      numbers.push_back(High(bits));
    }
  }
  const uint32_t number = live_numbers_.Add(numbers);
  if (number == live_.size()) live_.push_back(live);
  return number;
}

void RegionPaths::Merge() {
  size_t before = 0;
  do {
    before = paths_.size();
    for (const auto dimension : {RegionPath::kTo, RegionPath::kFrom, RegionPath::kSourcePorts,
                                 RegionPath::kServices, RegionPath::kProtocols}) {
      MergeAlong(dimension);
    }
    MergeLive();
  } while (paths_.size() < before);
}

void RegionPaths::MergeAlong(Dimension dimension) {
  SequencePool keys;
  std::vector<RegionPath> merged;
  std::vector<uint32_t> last;                        // by merged path: the last path of it
  std::vector<uint32_t> next(paths_.size(), kNone);  // by path: the one of the same before it
  std::array<uint32_t, RegionPath::kDimensions + 2> key{};
  for (uint32_t i = 0; i < paths_.size(); ++i) {
    const RegionPath& path = paths_[i];
    key[0] = path.label;
    key[1] = path.kind;
    std::ranges::copy(path.sets, key.begin() + 2);
    key[2 + dimension] = 0;
    const SequencePool::Id id = keys.Add(key);
    if (id == merged.size()) {
      merged.push_back(path);
      last.push_back(i);
    } else {
      next[i] = std::exchange(last[id], i);
    }
  }
  if (merged.size() == paths_.size()) return;
  std::vector<uint32_t> sets;
  for (size_t i = 0; i < merged.size(); ++i) {
    if (next[last[i]] == kNone) continue;
    sets.clear();
    for (uint32_t path = last[i]; path != kNone; path = next[path]) {
      sets.push_back(paths_[path].sets[dimension]);
    }
    merged[i].sets[dimension] = Join(dimension, sets);
    if (merged[i].sets[RegionPath::kServices] == ValuePool::kAll &&
        merged[i].sets[RegionPath::kSourcePorts] == ValuePool::kAll) {
      merged[i].kind = RegionPath::kAny;
    }
  }
  paths_ = std::move(merged);
}

uint32_t RegionPaths::Join(Dimension dimension, const std::vector<uint32_t>& sets) {
  constexpr uint32_t kLastKey = 0xffff;
  switch (dimension) {
    case RegionPath::kProtocols: {
      ProtocolSet all;
      for (const uint32_t set : sets) all |= protocols_[set];
      return Number(all);
    }
    case RegionPath::kFrom:
      return axes_.pool().Join(sets, axes_.Greatest(PacketAxis::kFrom));
    case RegionPath::kTo:
      return axes_.pool().Join(sets, axes_.Greatest(PacketAxis::kTo));
    default:
      return axes_.pool().Join(sets, kLastKey);
  }
}

void RegionPaths::MergeLive() {
  LiveCase known;
  for (const LiveCase& live : live_) {
    known.from.known |= live.from.known;
    known.to.known |= live.to.known;
  }
  for (LiveSide LiveCase::*side : {&LiveCase::from, &LiveCase::to}) {
    for (LiveBits left = (known.*side).known; left != 0; left &= left - 1) {
      MergeLive(side, left & -left);
    }
  }
}

void RegionPaths::MergeLive(LiveSide LiveCase::*side, LiveBits set) {
  SequencePool keys;
  std::vector<RegionPath> merged;
  std::vector<uint32_t> place_of;
  std::array<uint32_t, RegionPath::kDimensions + 2> key{};
  for (const RegionPath& path : paths_) {
    LiveCase live = live_[path.sets[RegionPath::kLive]];
    LiveSide& asked = live.*side;
    if ((asked.known & set) == 0) {
      merged.push_back(path);
      continue;
    }
    asked.held &= ~set;
    key[0] = path.label;
    key[1] = path.kind;
    std::ranges::copy(path.sets, key.begin() + 2);
    key[2 + RegionPath::kLive] = Number(live);  // as if it did not hold it
    const SequencePool::Id id = keys.Add(key);
    if (id == place_of.size()) {
      place_of.push_back(static_cast<uint32_t>(merged.size()));
      merged.push_back(path);
    } else {
      asked.known &= ~set;
      merged[place_of[id]].sets[RegionPath::kLive] = Number(live);
    }
  }
  paths_ = std::move(merged);
}

void RegionPaths::MoveTo(std::vector<LabelledRegion>& regions) {
  for (const RegionPath& path : paths_) {
    LabelledRegion& made = regions.emplace_back();
    made.label = path.label;
    made.region.family = axes_.family();
    made.region.protocols = protocols_[path.sets[RegionPath::kProtocols]];
    made.region.services = Keys(path.sets[RegionPath::kServices]);
    made.region.source_ports = Keys(path.sets[RegionPath::kSourcePorts]);
    made.region.from = Addresses(PacketAxis::kFrom, path.sets[RegionPath::kFrom]);
    made.region.to = Addresses(PacketAxis::kTo, path.sets[RegionPath::kTo]);
    const LiveCase& live = live_[path.sets[RegionPath::kLive]];
    made.region.from_live = live.from;
    made.region.to_live = live.to;
  }
}

Stretches<uint32_t> RegionPaths::Keys(ValuePool::Id values) const {
  return values == ValuePool::kAll ? AllServices() : axes_.pool().at(values);
}

std::shared_ptr<const AddressStretches> RegionPaths::Addresses(PacketAxis axis,
                                                               ValuePool::Id values) {
  auto& shared = addresses_[{axis, values}];
  if (shared == nullptr) {
    shared = std::make_shared<const AddressStretches>(axes_.AddressesOf(axis, values));
  }
  return shared;
}

}  // namespace portmatrix
