// SPDX-License-Identifier: Apache-2.0
#include "tests/support/talk.h"

#include <algorithm>
#include <optional>

#include "agent/policy/protocol.h"
#include "agent/policy/tuple.h"

namespace portmatrix {
namespace {

uint8_t RandomProtocol(Random& random, Family family) {
  const uint8_t icmp = family == Family::kIpv4 ? protocol::kIcmp : protocol::kIcmpv6;
  const size_t kind = random.Below(100);
  if (kind < 35) return protocol::kTcp;
  if (kind < 60) return protocol::kUdp;
  if (kind < 75) return icmp;
  if (kind < 83) return protocol::kSctp;
  if (kind < 96) {
    return random.Pick<uint8_t>({protocol::kIgmp, 4, 41, 47, protocol::kEsp,
                                 protocol::kAuthentication, protocol::kNoNextHeader, 89, 115, 253});
  }
  return random.Byte();
}

uint8_t PickProtocol(Random& random, const Match& match, Family family) {
  if (match.any_protocol) return RandomProtocol(random, family);
  const uint8_t number = random.From(match.protocols);
  // ICMP of the other family is malformed: worth a packet now and then.
  if (random.Percent(3)) return number;
  if (family == Family::kIpv4 && number == protocol::kIcmpv6) return protocol::kIcmp;
  if (family == Family::kIpv6 && number == protocol::kIcmp) return protocol::kIcmpv6;
  return number;
}

bool HasFamily(const AddressSet& set, Family family) {
  return set.any() || std::ranges::any_of(set.prefixes(), [family](const Prefix& prefix) {
           return prefix.address.family == family;
         });
}

Family PickFamily(Random& random, const Match& match) {
  const Family family = random.Percent(50) ? Family::kIpv4 : Family::kIpv6;
  const Family other = family == Family::kIpv4 ? Family::kIpv6 : Family::kIpv4;
  const auto meets = [&match](Family candidate) {
    return HasFamily(match.from, candidate) && HasFamily(match.to, candidate);
  };
  return !meets(family) && meets(other) ? other : family;
}

void SetIcmp(Random& random, const Match* match, pm_tuple& tuple) {
  const bool ipv4 = tuple.family == 4;
  uint8_t type = random.Percent(50) ? (ipv4 ? icmp::kEchoRequest : icmpv6::kEchoRequest)
                                    : (ipv4 ? icmp::kEchoReply : icmpv6::kEchoReply);
  uint8_t code = 0;
  if (random.Percent(15)) type = random.Pick<uint8_t>({3, 4, 5, 11, 13, 133, 137, 200});
  if (random.Percent(5)) code = random.Byte();
  if (match != nullptr && match->icmp_type && random.Percent(85)) {
    type = *match->icmp_type;
    code = match->icmp_code.value_or(code);
  }
  tuple.destination_port = IcmpService(type, code);
  if (IsEcho(tuple)) tuple.source_port = static_cast<uint16_t>(random.Below(4));
}

bool HasPorts(uint8_t number) {
  return number == protocol::kTcp || number == protocol::kUdp || number == protocol::kSctp;
}

void Place(Random& random, const Interface& interface, Talk& talk) {
  talk.device = random.From(interface.devices);
  talk.direction = random.Percent(50) ? Direction::kIn : Direction::kOut;
  switch (interface.vlan.kind) {
    case VlanSelector::Kind::kNone:
      break;
    case VlanSelector::Kind::kTags:
      talk.tags.push_back(interface.vlan.outer);
      if (interface.vlan.inner != 0) talk.tags.push_back(interface.vlan.inner);
      break;
    case VlanSelector::Kind::kAny:
      if (random.Percent(50)) talk.tags.push_back(random.Pick<uint16_t>({1, 10, 20, 4094, 4095}));
      break;
  }
  if (random.Percent(3) && talk.tags.size() < 2) {
    talk.tags.insert(talk.tags.begin() + static_cast<ptrdiff_t>(random.Below(talk.tags.size() + 1)),
                     0);
  }
  if (random.Percent(2)) talk.tags.push_back(random.Pick<uint16_t>({0, 1, 10, 100, 4095}));
  if (random.Percent(1)) talk.device = "unbound0";
}

}  // namespace

Talk AnswerTo(Talk talk) {
  talk.direction = Opposite(talk.direction);
  // Other ICMP has no answer: the same goes back the other way.
  if (const std::optional<pm_tuple> reversed = Reversed(talk.tuple)) {
    talk.tuple = *reversed;
  } else {
    std::swap(talk.tuple.source, talk.tuple.destination);
  }
  return talk;
}

TalkSource::TalkSource(const Node& node) : node_(&node), edges_(node) {}

Talk TalkSource::Next(Random& random) const {
  const Interface& interface = random.From(node_->interfaces);
  if (!node_->failsafe.empty() && random.Percent(8)) {
    Talk talk;
    Place(random, interface, talk);
    talk.direction = Direction::kIn;
    AimAt(random, random.From(node_->failsafe).match, interface, talk);
    return talk;
  }
  if (interface.rules.empty() || random.Percent(6)) return Aimless(random);
  Talk talk;
  Place(random, interface, talk);
  const Rule* aim = &random.From(interface.rules);
  if (aim->state != RuleState::kActive && random.Percent(80)) aim = &random.From(interface.rules);
  if (random.Percent(95)) talk.direction = aim->direction;
  AimAt(random, aim->match, interface, talk);
  return talk;
}

Talk TalkSource::Aimless(Random& random) const {
  Talk talk;
  const Interface& interface = random.From(node_->interfaces);
  Place(random, interface, talk);
  const Family family = random.Percent(50) ? Family::kIpv4 : Family::kIpv6;
  Address inside = edges_.AddressNear(random, interface.local, family);
  Address outside = edges_.AnyAddress(random, family);
  if (talk.direction == Direction::kIn) std::swap(inside, outside);
  talk.tuple = MakeTuple(inside, outside, RandomProtocol(random, family));
  if (IsIcmp(talk.tuple)) {
    SetIcmp(random, nullptr, talk.tuple);
  } else if (HasPorts(talk.tuple.protocol)) {
    talk.tuple.source_port = edges_.AnyPort(random);
    talk.tuple.destination_port = edges_.AnyPort(random);
  }
  return talk;
}

void TalkSource::AimAt(Random& random, const Match& match, const Interface& interface,
                       Talk& talk) const {
  const Family family = PickFamily(random, match);
  const auto address = [&](const AddressSet& set, bool ours) {
    return edges_.AddressNear(random, set.any() && ours ? interface.local : set, family);
  };
  Address source = address(match.from, talk.direction == Direction::kOut);
  // Where prefixes nest as they do here, too many sources would be spoofed.
  for (int retry = 0; retry < 3 && talk.direction == Direction::kIn; ++retry) {
    if (!interface.local.Contains(source)) break;
    source = address(match.from, false);
  }
  const Address destination = address(match.to, talk.direction == Direction::kIn);
  talk.tuple = MakeTuple(source, destination, PickProtocol(random, match, family));
  if (IsIcmp(talk.tuple)) {
    SetIcmp(random, &match, talk.tuple);
  } else if (HasPorts(talk.tuple.protocol)) {
    talk.tuple.source_port = edges_.PortNear(random, match.source_ports);
    talk.tuple.destination_port = edges_.PortNear(random, match.ports);
  }
}

}  // namespace portmatrix
