// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/packet_space.h"

#include <algorithm>

#include "agent/policy/packet_axes.h"
#include "agent/policy/packet_walk.h"
#include "agent/policy/protocol.h"
#include "agent/policy/region_paths.h"
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

bool PacketRegion::Contains(const pm_tuple& tuple, LiveBits from_holding,
                            LiveBits to_holding) const {
  if (!from_live.Agrees(from_holding) || !to_live.Agrees(to_holding)) return false;
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
  static const Stretches<uint32_t> kAll = {{0, kLastKey}};
  return kAll;
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
  PacketRegions answer;
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    PacketAxes axes(question.matches, family, budget);
    RegionPaths paths(axes);
    PacketWalk(question, axes, paths, budget).Run(answer.unknown);
    paths.Merge();
    paths.MoveTo(answer.regions);
  }
  std::ranges::stable_sort(answer.regions, {}, &LabelledRegion::label);
  return answer;
}

}  // namespace portmatrix
