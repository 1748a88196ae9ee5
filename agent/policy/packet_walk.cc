// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/packet_walk.h"

#include <algorithm>
#include <bit>
#include <map>
#include <optional>
#include <utility>

#include "agent/policy/packet_classes.h"
#include "agent/policy/protocol.h"
#include "agent/policy/service_reader.h"

namespace portmatrix {
namespace {

// What a plane costs beside what is in it; what merging a path and telling it cost later on, and
// more for each live set of which something is known there.
constexpr size_t kStepsAPlane = 256;
constexpr size_t kStepsAPath = 64;
constexpr size_t kStepsALiveSet = 128;
constexpr size_t kMostProtocols = 128;

std::optional<PacketAxis> ServiceAxis(uint8_t protocol) {
  if (HasPorts(protocol)) return PacketAxis::kPort;
  if (IsIcmp(protocol)) return PacketAxis::kIcmp;
  return std::nullopt;
}

std::vector<uint32_t> Selected(MemberBits bits, const std::vector<uint32_t>& members) {
  std::vector<uint32_t> selected;
  ForEachMember(bits, [&](size_t member) { selected.push_back(members[member]); });
  return selected;
}

// So that "every protocol" is the same in both families.
ProtocolSet WithForeign(ProtocolSet protocols, Family family) {
  if (protocols.count() >= kMostProtocols) {
    protocols.set(family == Family::kIpv4 ? protocol::kIcmpv6 : protocol::kIcmp);
  }
  return protocols;
}

size_t LowestOf(const ProtocolSet& protocols) {
  size_t lowest = 0;
  while (!protocols.test(lowest)) ++lowest;
  return lowest;
}

// Which of the matches the label may hang on; none: of any.
std::vector<bool> Mattering(const PacketQuestion& question, const std::vector<uint32_t>& matches) {
  std::vector<bool> matters;
  if (!question.sparse) return matters;
  matters.reserve(matches.size());
  for (const uint32_t match : matches) matters.push_back(question.matches[match].matters);
  return matters;
}

Values Joined(const Values& values) {
  Values joined;
  for (const Stretch<uint32_t>& stretch : values) {
    if (!joined.empty() && joined.back().last + 1 == stretch.first) {
      joined.back().last = stretch.last;
    } else {
      joined.push_back(stretch);
    }
  }
  return joined;
}

// The lowest live set that a member names and of which nothing is known.
LiveBits Undecided(const LiveSide& side, LiveBits named) {
  const LiveBits left = named & ~side.known;
  return left & -left;
}

}  // namespace

PacketWalk::PacketWalk(const PacketQuestion& question, PacketAxes& axes, RegionPaths& paths,
                       WorkBudget& budget)
    : question_(question), axes_(axes), paths_(paths), budget_(budget) {
  size_t any_source = 0;
  size_t any_destination = 0;
  for (size_t match = 0; match < question.matches.size(); ++match) {
    any_source += axes.At(PacketAxis::kFrom, match) == ValuePool::kAll ? 1 : 0;
    any_destination += axes.At(PacketAxis::kTo, match) == ValuePool::kAll ? 1 : 0;
  }
  swept_ = any_source >= any_destination ? PacketAxis::kFrom : PacketAxis::kTo;
}

void PacketWalk::Run(std::vector<PacketServices>& unknown) {
  std::vector<ProtocolSet> told;  // different sets of protocols that matches name
  for (size_t match = 0; match < question_.matches.size(); ++match) {
    const ProtocolSet& protocols = axes_.protocols(match);
    if (std::ranges::find(told, protocols) == told.end()) told.push_back(protocols);
  }
  budget_.Spend(question_.matches.size());
  std::map<std::vector<int>, size_t> place_of;
  std::vector<ProtocolSet> alike;
  for (int number = 0; number < 256; ++number) {
    const auto protocol = static_cast<uint8_t>(number);
    std::vector<int> key = {HasPorts(protocol), IsIcmp(protocol)};
    for (const ProtocolSet& set : told) key.push_back(set.test(protocol));
    const auto [known, added] = place_of.try_emplace(std::move(key), alike.size());
    if (added) alike.emplace_back();
    alike[known->second].set(protocol);
  }
  for (const ProtocolSet& protocols : alike) VisitProtocols(protocols, unknown);
}

void PacketWalk::VisitProtocols(const ProtocolSet& protocols,
                                std::vector<PacketServices>& unknown) {
  const size_t lowest = LowestOf(protocols);
  Members members;
  for (uint32_t match = 0; match < question_.matches.size(); ++match) {
    if (axes_.IsPossible(match) && axes_.protocols(match).test(lowest)) members.push_back(match);
  }
  budget_.Spend(question_.matches.size() / 8);
  const std::optional<PacketAxis> axis = ServiceAxis(static_cast<uint8_t>(lowest));
  members = Reachable(axis.value_or(PacketAxis::kFrom), {}, members);
  if (IsSettled(members)) return;
  Place place;
  const ProtocolSet named = WithForeign(protocols, axes_.family());
  place.path.sets[RegionPath::kProtocols] = paths_.Number(named);
  if (!axis) {
    if (!VisitLive(place, members)) unknown.push_back({axes_.family(), named, AllServices()});
    return;
  }
  place.path.kind = *axis == PacketAxis::kPort ? RegionPath::kPorts : RegionPath::kIcmp;
  const PacketClasses classes(axes_, *axis, SetsOn(*axis, place, members),
                              Mattering(question_, members), budget_);
  Values missing;
  for (uint32_t each = 0; each < classes.size(); ++each) {
    const Values values = classes.ValuesOf({{each, each}}, budget_);
    place.path.sets[RegionPath::kServices] = axes_.pool().Add(values, axes_.Greatest(*axis));
    const Members left = Selected(classes.at(each), members);
    const bool visited =
        *axis == PacketAxis::kPort ? VisitSourcePorts(place, left) : VisitLive(place, left);
    if (!visited) missing.insert(missing.end(), values.begin(), values.end());
  }
  if (!classes.complete()) missing = AllServices();
  if (missing.empty()) return;
  std::ranges::sort(missing, {}, &Stretch<uint32_t>::first);
  unknown.push_back({axes_.family(), named, Joined(missing)});
}

bool PacketWalk::VisitSourcePorts(Place place, const Members& members) {
  const Members left = Reachable(PacketAxis::kSourcePort, place.live, members);
  if (IsSettled(left)) return true;
  if (budget_.used_up()) return false;
  const PacketClasses classes(axes_, PacketAxis::kSourcePort,
                              SetsOn(PacketAxis::kSourcePort, place, left),
                              Mattering(question_, left), budget_);
  bool all = classes.complete();
  for (uint32_t each = 0; each < classes.size(); ++each) {
    place.path.sets[RegionPath::kSourcePorts] = axes_.pool().Add(
        classes.ValuesOf({{each, each}}, budget_), axes_.Greatest(PacketAxis::kSourcePort));
    all = VisitLive(place, Selected(classes.at(each), left)) && all;
  }
  return all;
}

bool PacketWalk::VisitLive(const Place& place, Members members) {
  members = Reachable(PacketAxis::kFrom, place.live, members);
  if (IsSettled(members)) return true;
  if (budget_.used_up()) return false;
  LiveBits from = 0;
  LiveBits to = 0;
  for (const uint32_t match : members) {
    from |= question_.matches[match].from_live;
    to |= question_.matches[match].to_live;
  }
  from = Undecided(place.live.from, from);
  to = from == 0 ? Undecided(place.live.to, to) : 0;
  if ((from | to) == 0) return VisitPlane(place, members);
  Place outside = place;
  outside.live.from.known |= from;
  outside.live.to.known |= to;
  Place inside = outside;
  inside.live.from.held |= from;
  inside.live.to.held |= to;
  const bool all = VisitLive(outside, members);
  return VisitLive(inside, members) && all;
}

bool PacketWalk::VisitPlane(Place place, const Members& members) {
  std::vector<uint32_t> key = members;
  for (const LiveSide* side : {&place.live.from, &place.live.to}) {
    for (const LiveBits bits : {side->known, side->held}) {
      key.push_back(static_cast<uint32_t>(bits));
      key.push_back(static_cast<uint32_t>(bits >> 32));
    }
  }
  const SequencePool::Id plane = plane_keys_.Add(key);
  if (plane == planes_.size()) {
    planes_.push_back(
        CutPlane(question_,
                 {members, SetsOn(PacketAxis::kFrom, place, members),
                  SetsOn(PacketAxis::kTo, place, members), Mattering(question_, members)},
                 swept_, axes_, budget_));
  }
  const int live = std::popcount(place.live.from.known) + std::popcount(place.live.to.known);
  budget_.Spend(kStepsAPlane +
                planes_[plane].size() * (kStepsAPath + static_cast<size_t>(live) * kStepsALiveSet));
  if (budget_.used_up()) return false;
  RegionPath& path = place.path;
  if (path.sets[RegionPath::kServices] == ValuePool::kAll &&
      path.sets[RegionPath::kSourcePorts] == ValuePool::kAll) {
    path.kind = RegionPath::kAny;
  }
  path.sets[RegionPath::kLive] = paths_.Number(place.live);
  for (const Rectangle& rectangle : planes_[plane]) {
    path.label = rectangle.label;
    path.sets[RegionPath::kFrom] = rectangle.from;
    path.sets[RegionPath::kTo] = rectangle.to;
    paths_.Add(path);
  }
  return true;
}

std::vector<ValuePool::Id> PacketWalk::SetsOn(PacketAxis axis, const Place& place,
                                              const Members& members) const {
  std::vector<ValuePool::Id> sets;
  sets.reserve(members.size());
  for (const uint32_t match : members) sets.push_back(SetOn(axis, place.live, match));
  return sets;
}

ValuePool::Id PacketWalk::SetOn(PacketAxis axis, const LiveCase& live, uint32_t match) const {
  const AskedMatch& asked = question_.matches[match];
  const bool held = (axis == PacketAxis::kFrom && (asked.from_live & live.from.held) != 0) ||
                    (axis == PacketAxis::kTo && (asked.to_live & live.to.held) != 0);
  return held ? ValuePool::kAll : axes_.At(axis, match);
}

PacketWalk::Members PacketWalk::Reachable(PacketAxis axis, const LiveCase& live,
                                          const Members& members) const {
  Members reachable;
  uint32_t closed = UINT32_MAX;  // the list that nothing behind can be first in any more
  for (const uint32_t match : members) {
    const uint32_t list = question_.matches[match].list;
    if (closed == list || IsGone(live, match)) continue;
    reachable.push_back(match);
    if (TakesAll(axis, live, match)) closed = list;
  }
  budget_.Spend(members.size() / 4);
  return reachable;
}

// Whatever the live sets hold that are not known yet.
bool PacketWalk::TakesAll(PacketAxis axis, const LiveCase& live, uint32_t match) const {
  if (axis == PacketAxis::kPort && (axes_.At(PacketAxis::kPort, match) != ValuePool::kAll ||
                                    axes_.At(PacketAxis::kSourcePort, match) != ValuePool::kAll)) {
    return false;
  }
  if ((axis == PacketAxis::kIcmp || axis == PacketAxis::kSourcePort) &&
      axes_.At(axis, match) != ValuePool::kAll) {
    return false;
  }
  return SetOn(PacketAxis::kFrom, live, match) == ValuePool::kAll &&
         SetOn(PacketAxis::kTo, live, match) == ValuePool::kAll;
}

// Has it no address on one side, now that no live set can give it one?
bool PacketWalk::IsGone(const LiveCase& live, uint32_t match) const {
  const AskedMatch& asked = question_.matches[match];
  return (axes_.IsEmpty(SetOn(PacketAxis::kFrom, live, match)) &&
          Undecided(live.from, asked.from_live) == 0) ||
         (axes_.IsEmpty(SetOn(PacketAxis::kTo, live, match)) &&
          Undecided(live.to, asked.to_live) == 0);
}

bool PacketWalk::IsSettled(const Members& members) const {
  const auto matters = [&](uint32_t match) { return question_.matches[match].matters; };
  if (question_.sparse && std::ranges::none_of(members, matters)) return true;
  if (!question_.kinds || members.empty()) return false;
  const uint32_t kind = question_.matches[members.front()].kind;
  return std::ranges::all_of(members,
                             [&](uint32_t match) { return question_.matches[match].kind == kind; });
}

}  // namespace portmatrix
