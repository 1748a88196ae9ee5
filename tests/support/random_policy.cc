// SPDX-License-Identifier: Apache-2.0
#include "tests/support/random_policy.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "agent/policy/protocol.h"

namespace portmatrix {
namespace {

// Networks in which all prefixes of a policy lie; within each only a few low bits vary.
const std::array kNetworks = {
    *ParseAddress("203.0.113.0"), *ParseAddress("198.51.100.0"), *ParseAddress("10.0.0.0"),
    *ParseAddress("10.0.1.0"),    *ParseAddress("2001:db8::"),   *ParseAddress("2001:db8:0:1::"),
    *ParseAddress("fe80::"),      *ParseAddress("fd00:1::"),
};
constexpr std::array<uint16_t, 18> kPorts = {
    0, 1, 22, 53, 67, 68, 80, 443, 444, 546, 3478, 49999, 50000, 50001, 59999, 60000, 65534, 65535};
constexpr std::array<uint16_t, 5> kVlans = {1, 10, 20, 100, 4094};
constexpr size_t kManyRules = 300;

std::vector<PortRange> RandomPorts(Random& random) {
  std::vector<PortRange> ranges;
  for (size_t count = 1 + random.Below(3); count > 0; --count) {
    uint16_t first = random.Percent(80) ? random.From(kPorts) : random.Port();
    uint16_t last = first;
    if (random.Percent(60)) last = random.Percent(80) ? random.From(kPorts) : random.Port();
    if (first > last) std::swap(first, last);
    ranges.push_back({.first = first, .last = last});
  }
  std::ranges::sort(ranges);
  std::vector<PortRange> merged;
  for (const PortRange& range : ranges) {
    if (!merged.empty() && range.first <= merged.back().last + 1) {
      merged.back().last = std::max(merged.back().last, range.last);
    } else {
      merged.push_back(range);
    }
  }
  return merged;
}

void SetProtocols(Match& match, std::vector<uint8_t> protocols) {
  std::ranges::sort(protocols);
  protocols.erase(std::unique(protocols.begin(), protocols.end()), protocols.end());
  match.protocols = std::move(protocols);
}

Rule RandomRule(Random& random, const std::string& interface, size_t number) {
  Rule rule;
  const std::string matrix = random.Percent(70) ? "first" : "second";
  rule.key = interface + "/" + matrix + "/rule" + std::to_string(number);
  rule.direction = random.Percent(50) ? Direction::kIn : Direction::kOut;
  rule.action = random.Percent(75) ? Action::kAllow : Action::kDeny;
  rule.match = RandomMatch(random);
  rule.log = random.Percent(10);
  if (random.Percent(10)) {
    rule.state = random.Pick({RuleState::kDisabled, RuleState::kExpired, RuleState::kInactive});
  }
  return rule;
}

size_t RandomRuleCount(Random& random) {
  const size_t kind = random.Below(100);
  if (kind < 8) return 0;
  if (kind < 40) return 1 + random.Below(5);
  if (kind < 97) return random.Below(41);
  return kManyRules;
}

std::vector<Rule> RandomRules(Random& random, const std::string& interface) {
  std::vector<Rule> rules;
  for (size_t count = RandomRuleCount(random); rules.size() < count;) {
    rules.push_back(RandomRule(random, interface, rules.size()));
    if (random.Percent(10)) {  // `direction: both` gives two rules of one key
      Rule twin = rules.back();
      twin.direction = Opposite(twin.direction);
      rules.push_back(std::move(twin));
    }
  }
  return rules;
}

AddressSet RandomLocal(Random& random) {
  AddressSet local;
  while (local.empty() || local.any()) {
    local = RandomAddresses(random, 4);
    // A whole family would make every source spoofed.
    std::vector<Prefix> prefixes = local.prefixes();
    std::erase_if(prefixes,
                  [&](const Prefix& prefix) { return prefix.length < 3 && !random.Percent(5); });
    if (!local.any()) local = AddressSet::Of(std::move(prefixes));
  }
  return local;
}

std::vector<uint16_t> RandomEthertypes(Random& random) {
  std::vector<uint16_t> ethertypes = {ethertype::kArp};
  static constexpr std::array<uint16_t, 6> kOthers = {0x88cc, 0x8809, 0x888e, 0, 0x8863, 0x0600};
  for (const uint16_t candidate : kOthers) {
    if (random.Percent(30)) ethertypes.push_back(candidate);
  }
  return ethertypes;
}

void SetBehaviour(Random& random, Interface& interface) {
  interface.mode = random.Percent(12) ? Mode::kAudit : Mode::kEnforce;
  interface.default_verdict = random.Percent(20) ? Verdict::kPass : Verdict::kDrop;
  interface.dhcp_client = random.Percent(30);
  interface.router_advertisements = random.Percent(70);
  interface.ethertypes = RandomEthertypes(random);
}

bool IsTaken(const std::vector<Interface>& interfaces, const std::string& device,
             const VlanSelector& vlan) {
  return std::ranges::any_of(interfaces, [&](const Interface& interface) {
    return interface.vlan == vlan &&
           std::ranges::find(interface.devices, device) != interface.devices.end();
  });
}

VlanSelector RandomVlan(Random& random) {
  switch (random.Below(5)) {
    case 0:
      return {.kind = VlanSelector::Kind::kAny};
    case 1:
      return {.kind = VlanSelector::Kind::kTags,
              .outer = random.From(kVlans),
              .inner = random.From(kVlans)};
    case 2:
      return {.kind = VlanSelector::Kind::kTags, .outer = random.From(kVlans)};
    default:
      return {};
  }
}

// Adds an interface whose name is not taken; devices and tags of their own.
void AddInterface(Random& random, Node& node) {
  static constexpr std::array kNames = {"external", "internal", "dmz", "backup"};
  Interface interface;
  for (const char* name : kNames) {
    const bool taken = std::ranges::any_of(
        node.interfaces, [name](const Interface& other) { return other.name == name; });
    if (!taken) {
      interface.name = name;
      break;
    }
  }
  if (interface.name.empty()) return;
  const bool share = !node.interfaces.empty() && random.Percent(40);
  if (share || random.Percent(25)) interface.vlan = RandomVlan(random);
  if (share) {
    interface.devices.push_back(random.From(node.interfaces).devices[0]);
    if (IsTaken(node.interfaces, interface.devices[0], interface.vlan)) return;
  } else {
    std::string device;
    for (int number = 0; device.empty(); ++number) {
      device = "eth" + std::to_string(number);
      if (std::ranges::any_of(node.interfaces, [&](const Interface& other) {
            return std::ranges::find(other.devices, device) != other.devices.end();
          })) {
        device.clear();
      }
    }
    interface.devices.push_back(device);
    if (random.Percent(15)) interface.devices.push_back(device + "b");
  }
  interface.local = RandomLocal(random);
  SetBehaviour(random, interface);
  interface.rules = RandomRules(random, interface.name);
  node.interfaces.push_back(std::move(interface));
}

FailsafeEntry RandomFailsafe(Random& random) {
  FailsafeEntry entry;
  entry.match = RandomMatch(random);
  if (random.Percent(70)) entry.match.to = AddressSet::Any();
  // Any, any, any is refused; so broad an entry would leave the rules nothing to do.
  if (entry.match.from.any()) entry.match.from = AddressSet::Of({RandomPrefix(random)});
  return entry;
}

void ChangeRules(Random& random, Interface& interface) {
  std::vector<Rule>& rules = interface.rules;
  const size_t at = random.Below(rules.size() + 1);
  if (rules.empty() || random.Percent(25)) {
    const size_t number = 1000 + random.Below(100000);
    rules.insert(rules.begin() + static_cast<ptrdiff_t>(at),
                 RandomRule(random, interface.name, number));
    return;
  }
  const size_t which = random.Below(rules.size());
  switch (random.Below(5)) {
    case 0:
      rules.erase(rules.begin() + static_cast<ptrdiff_t>(which));
      break;
    case 1:
      std::swap(rules[which], rules[random.Below(rules.size())]);
      break;
    case 2:
      rules[which].match = RandomMatch(random);
      break;
    case 3:
      rules[which].action = rules[which].action == Action::kAllow ? Action::kDeny : Action::kAllow;
      break;
    default:
      rules[which].state =
          rules[which].state == RuleState::kActive ? RuleState::kDisabled : RuleState::kActive;
      break;
  }
}

void ChangeOne(Random& random, Node& node) {
  const size_t which = random.Below(node.interfaces.size());
  Interface& interface = node.interfaces[which];
  const size_t kind = random.Below(100);
  if (kind < 75) {
    ChangeRules(random, interface);
  } else if (kind < 82) {
    interface.local = RandomLocal(random);
  } else if (kind < 88) {
    SetBehaviour(random, interface);
  } else if (kind < 94) {
    if (!node.failsafe.empty() && random.Percent(50)) {
      node.failsafe.pop_back();
    } else {
      node.failsafe.push_back(RandomFailsafe(random));
    }
  } else if (kind < 96) {
    std::ranges::reverse(node.interfaces);
  } else if (kind < 98) {
    AddInterface(random, node);
  } else if (node.interfaces.size() > 1) {
    node.interfaces.erase(node.interfaces.begin() + static_cast<ptrdiff_t>(which));
  }
}

// Some or all of a side becomes what live sets hold.
void MakeLive(Random& random, size_t sets, AddressSet& side, LiveMask& mask) {
  mask |= LiveMask{1} << random.Below(sets);
  if (random.Percent(20)) mask |= LiveMask{1} << random.Below(sets);
  if (side.any() || random.Percent(60)) side = {};
}

void SwapBits(LiveMask& mask, size_t one, size_t other) {
  const LiveMask a = mask >> one & 1, b = mask >> other & 1;
  if (a != b) mask ^= LiveMask{1} << one | LiveMask{1} << other;
}

void SwapLiveSets(Node& node, size_t one, size_t other) {
  std::swap(node.live_sets[one], node.live_sets[other]);
  for (Interface& interface : node.interfaces) {
    for (Rule& rule : interface.rules) {
      SwapBits(rule.match.from_live, one, other);
      SwapBits(rule.match.to_live, one, other);
    }
  }
}

}  // namespace

Prefix RandomPrefix(Random& random) {
  Address address = random.From(kNetworks);
  const bool ipv4 = address.family == Family::kIpv4;
  address.bytes[ipv4 ? 3 : 15] = static_cast<uint8_t>(random.Below(20));
  if (random.Percent(15)) address.bytes[ipv4 ? 3 : 15] = random.Byte();
  static constexpr std::array<uint8_t, 14> kIpv4Lengths = {0,  1,  8,  16, 23, 24, 25,
                                                           27, 28, 29, 30, 31, 32, 32};
  static constexpr std::array<uint8_t, 14> kIpv6Lengths = {0,  1,  3,   32,  47,  48,  63,
                                                           64, 65, 120, 124, 127, 128, 128};
  const uint8_t length = ipv4 ? random.From(kIpv4Lengths) : random.From(kIpv6Lengths);
  return {.address = Masked(address, length), .length = length};
}

void AddLiveSets(Node& node, Random& random) {
  static constexpr std::array kNames = {"alpha", "beta", "gamma", "delta"};
  if (node.live_sets.empty() || random.Percent(20)) {
    if (node.live_sets.size() < kNames.size())
      node.live_sets.push_back({kNames.at(node.live_sets.size()), 1000, {}});
  }
  const size_t sets = node.live_sets.size();
  if (random.Percent(30)) SwapLiveSets(node, random.Below(sets), random.Below(sets));
  for (Interface& interface : node.interfaces) {
    for (Rule& rule : interface.rules) {
      if (!random.Percent(15)) continue;
      Match& match = rule.match;
      const size_t side = random.Below(3);
      if (side != 1) MakeLive(random, sets, match.from, match.from_live);
      if (side != 0) MakeLive(random, sets, match.to, match.to_live);
    }
  }
}

AddressSet RandomAddresses(Random& random, size_t max_prefixes) {
  if (random.Percent(15)) return AddressSet::Any();
  std::vector<Prefix> prefixes;
  for (size_t count = 1 + random.Below(max_prefixes); count > 0; --count) {
    prefixes.push_back(RandomPrefix(random));
  }
  return AddressSet::Of(std::move(prefixes));
}

Match RandomMatch(Random& random) {
  Match match;
  match.from = RandomAddresses(random, 5);
  match.to = RandomAddresses(random, 5);
  const size_t kind = random.Below(100);
  if (kind < 60) {
    SetProtocols(match, {random.Pick({protocol::kTcp, protocol::kUdp}),
                         random.Pick({protocol::kTcp, protocol::kUdp, protocol::kSctp})});
    if (random.Percent(85)) match.ports = RandomPorts(random);
    if (random.Percent(20)) match.source_ports = RandomPorts(random);
  } else if (kind < 80) {
    SetProtocols(match, {random.Pick({protocol::kIcmp, protocol::kIcmpv6}),
                         random.Pick({protocol::kIcmp, protocol::kIcmpv6})});
    if (random.Percent(70)) {
      match.icmp_type = random.Pick<uint8_t>({0, 1, 2, 3, 4, 8, 11, 12, 128, 129, 135});
      if (random.Percent(40)) match.icmp_code = random.Pick<uint8_t>({0, 0, 1, 3, 4});
    }
  } else if (kind < 92) {
    SetProtocols(match, {random.Pick({protocol::kTcp, protocol::kUdp, protocol::kSctp,
                                      protocol::kIcmp, protocol::kIcmpv6, protocol::kIgmp}),
                         random.Pick<uint8_t>({47, 50, 51, 59, 89, 115, 0, 255})});
  } else {
    match.any_protocol = true;
  }
  return match;
}

Node RandomNode(Random& random) {
  Node node;
  node.name = "node";
  for (size_t count = random.Below(4); count > 0; --count) {
    node.failsafe.push_back(RandomFailsafe(random));
  }
  for (size_t count = 1 + random.Below(3); count > 0; --count) AddInterface(random, node);
  return node;
}

Node Mutate(const Node& node, Random& random) {
  Node changed = node;
  for (size_t count = 1 + random.Below(4); count > 0; --count) ChangeOne(random, changed);
  return changed;
}

}  // namespace portmatrix
