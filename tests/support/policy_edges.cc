// SPDX-License-Identifier: Apache-2.0
#include "tests/support/policy_edges.h"

#include <algorithm>

namespace portmatrix {
namespace {

const std::array kSpecial = {
    *ParseAddress("127.0.0.1"),
    *ParseAddress("126.255.255.255"),
    *ParseAddress("128.0.0.0"),
    *ParseAddress("224.0.0.1"),
    *ParseAddress("239.255.255.255"),
    *ParseAddress("240.0.0.0"),
    *ParseAddress("223.255.255.255"),
    *ParseAddress("255.255.255.255"),
    *ParseAddress("0.0.0.0"),
    *ParseAddress("::"),
    *ParseAddress("::1"),
    *ParseAddress("::2"),
    *ParseAddress("fe80::1"),
    *ParseAddress("febf::ffff"),
    *ParseAddress("fec0::"),
    *ParseAddress("ff02::1"),
    *ParseAddress("feff:ffff::"),
    *ParseAddress("2001:db8::ffff"),
};

size_t Index(Family family) { return family == Family::kIpv4 ? 0 : 1; }

Address RandomInside(Random& random, const Prefix& prefix) {
  Address address = prefix.address;
  const int bits = AddressBits(address.family);
  for (int bit = prefix.length; bit < bits; ++bit) {
    if (random.Percent(50)) {
      address.bytes[static_cast<size_t>(bit / 8)] |= static_cast<uint8_t>(0x80 >> bit % 8);
    }
  }
  return address;
}

Address Last(const Prefix& prefix) {
  Address address = prefix.address;
  for (int bit = prefix.length; bit < AddressBits(address.family); ++bit) {
    address.bytes[static_cast<size_t>(bit / 8)] |= static_cast<uint8_t>(0x80 >> bit % 8);
  }
  return address;
}

// The next or previous address, around the end of the family.
Address Step(Address address, int by) {
  for (int index = AddressBits(address.family) / 8 - 1; index >= 0; --index) {
    uint8_t& byte = address.bytes[static_cast<size_t>(index)];
    const uint8_t before = byte;
    byte = static_cast<uint8_t>(byte + by);
    if (by > 0 ? byte != 0 : before != 0) break;
  }
  return address;
}

Address Inside(Random& random, const Prefix& prefix) {
  switch (random.Below(3)) {
    case 0:
      return prefix.address;
    case 1:
      return Last(prefix);
    default:
      return RandomInside(random, prefix);
  }
}

Address Outside(Random& random, const Prefix& prefix) {
  return random.Percent(50) ? Step(prefix.address, -1) : Step(Last(prefix), 1);
}

uint16_t PortInside(Random& random, const PortRange& range) {
  switch (random.Below(3)) {
    case 0:
      return range.first;
    case 1:
      return range.last;
    default:
      return static_cast<uint16_t>(random.Between(range.first, range.last));
  }
}

uint16_t PortOutside(Random& random, const PortRange& range) {
  return static_cast<uint16_t>(random.Percent(50) ? range.first - 1 : range.last + 1);
}

}  // namespace

PolicyEdges::PolicyEdges(const Node& node) {
  const auto add_set = [this](const AddressSet& set) {
    for (const Prefix& prefix : set.prefixes()) {
      prefixes_[Index(prefix.address.family)].push_back(prefix);
    }
  };
  const auto add_match = [&](const Match& match) {
    add_set(match.from);
    add_set(match.to);
    ranges_.insert(ranges_.end(), match.ports.begin(), match.ports.end());
    ranges_.insert(ranges_.end(), match.source_ports.begin(), match.source_ports.end());
  };
  for (const FailsafeEntry& entry : node.failsafe) add_match(entry.match);
  for (const Interface& interface : node.interfaces) {
    add_set(interface.local);
    for (const Rule& rule : interface.rules) add_match(rule.match);
  }
}

Address PolicyEdges::AnyAddress(Random& random, Family family) const {
  const std::vector<Prefix>& prefixes = prefixes_[Index(family)];
  const size_t kind = random.Below(100);
  if (kind < 85 && !prefixes.empty()) {
    const Prefix& prefix = random.From(prefixes);
    return kind < 65 ? Inside(random, prefix) : Outside(random, prefix);
  }
  if (kind < 95) {
    const Address& special = random.From(kSpecial);
    if (special.family == family) return special;
  }
  return RandomInside(random, {.address = {.family = family}, .length = 0});
}

uint16_t PolicyEdges::AnyPort(Random& random) const {
  static constexpr std::array<uint16_t, 12> kWellKnown = {0,   1,   22,  53,    67,    68,
                                                          443, 546, 547, 49152, 65534, 65535};
  const size_t kind = random.Below(100);
  if (kind < 60 && !ranges_.empty()) {
    const PortRange& range = random.From(ranges_);
    return kind < 40 ? PortInside(random, range) : PortOutside(random, range);
  }
  return kind < 85 ? random.From(kWellKnown) : random.Port();
}

Address PolicyEdges::AddressNear(Random& random, const AddressSet& set, Family family) const {
  std::vector<Prefix> usable;
  std::ranges::copy_if(set.prefixes(), std::back_inserter(usable),
                       [family](const Prefix& prefix) { return prefix.address.family == family; });
  if (usable.empty()) return AnyAddress(random, family);
  const Prefix& prefix = random.From(usable);
  return random.Percent(95) ? Inside(random, prefix) : Outside(random, prefix);
}

uint16_t PolicyEdges::PortNear(Random& random, const std::vector<PortRange>& ranges) const {
  if (ranges.empty()) return AnyPort(random);
  const PortRange& range = random.From(ranges);
  return random.Percent(95) ? PortInside(random, range) : PortOutside(random, range);
}

}  // namespace portmatrix
