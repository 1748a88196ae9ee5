// SPDX-License-Identifier: Apache-2.0
#include "tests/support/small_world.h"

#include <string>

#include "agent/policy/tuple.h"
#include "maps/address.h"

namespace portmatrix {
namespace {

// Every value that the random matches below can tell apart, and one between.
const std::vector<const char*> kAddresses[] = {
    {"9.9.9.9", "10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3", "255.255.255.255"},
    {"::", "2001:db8::", "2001:db8::1", "2001:db8::2", "2001:db8::3", "ffff:ffff::1"}};
const std::vector<const char*> kPrefixes[] = {
    {"0.0.0.0/0", "10.0.0.0/30", "10.0.0.0/31", "10.0.0.2/31", "10.0.0.0", "10.0.0.1", "10.0.0.2",
     "10.0.0.3"},
    {"::/0", "2001:db8::/126", "2001:db8::/127", "2001:db8::2/127", "2001:db8::", "2001:db8::3"}};
constexpr uint8_t kProtocols[] = {6, 17, 1, 58, 47, 200, 99};
constexpr uint16_t kKeys[] = {0, 1, 2, 3, 0x0100, 0x0101, 0x0102, 0x0200, 0x0201, 0x0202, 65535};
constexpr uint16_t kSourceKeys[] = {0, 1, 65535};

Prefix PrefixOf(const std::string& text) {
  const size_t slash = text.find('/');
  Prefix prefix = HostPrefix(*ParseAddress(text.substr(0, slash)));
  if (slash != std::string::npos)
    prefix.length = static_cast<uint8_t>(std::stoi(text.substr(slash + 1)));
  return prefix;
}

}  // namespace

Match SmallWorld::RandomMatch() {
  Match match;
  match.from = RandomAddresses();
  match.to = RandomAddresses();
  match.any_protocol = Below(4) == 0;
  if (match.any_protocol) return match;
  switch (Below(3)) {
    case 0:
      match.protocols = {6, 17};
      if (Below(2) == 0) match.protocols = {6};
      if (Below(3) != 0)
        match.ports =
            RandomRanges({{0, 0}, {0, 1}, {1, 2}, {2, 0x0100}, {3, 65535}, {65535, 65535}});
      if (Below(3) == 0) match.source_ports = RandomRanges({{0, 0}, {0, 1}, {1, 65535}});
      break;
    case 1:
      match.protocols = {1, 58};
      if (Below(2) == 0) match.protocols = {1};
      if (Below(2) == 0) match.icmp_type = static_cast<uint8_t>(Below(3));
      if (match.icmp_type && Below(2) == 0) match.icmp_code = static_cast<uint8_t>(Below(2));
      break;
    default:
      match.protocols = {1, 6, 17, 47, 58, 200};
      if (Below(2) == 0) match.protocols = {47};
  }
  return match;
}

AddressSet SmallWorld::RandomAddresses() {
  if (Below(4) == 0) return AddressSet::Any();
  std::vector<Prefix> prefixes;
  for (uint32_t count = 1 + Below(4); count > 0; --count) {
    const auto& family = kPrefixes[Below(2)];
    prefixes.push_back(PrefixOf(family[Below(static_cast<uint32_t>(family.size()))]));
  }
  return AddressSet::Of(std::move(prefixes));
}

std::vector<PortRange> SmallWorld::RandomRanges(const std::vector<PortRange>& choice) {
  return {choice[Below(static_cast<uint32_t>(choice.size()))]};
}

const std::vector<pm_tuple>& SmallWorldPackets() {
  static const std::vector<pm_tuple> kPackets = [] {
    std::vector<pm_tuple> made;
    for (const auto& family : kAddresses) {
      for (const char* from : family) {
        for (const char* to : family) {
          for (const uint8_t protocol : kProtocols) {
            pm_tuple tuple = MakeTuple(*ParseAddress(from), *ParseAddress(to), protocol);
            if (tuple.family == (protocol == 1 ? 6 : protocol == 58 ? 4 : 0)) continue;
            const bool ports = protocol == 6 || protocol == 17;
            for (const uint16_t key : kKeys) {
              for (const uint16_t source : kSourceKeys) {
                if ((protocol > 40 && protocol != 58 && key != 0) || (!ports && source != 0))
                  continue;
                tuple.destination_port = key;
                tuple.source_port = source;
                made.push_back(tuple);
              }
            }
          }
        }
      }
    }
    return made;
  }();
  return kPackets;
}

}  // namespace portmatrix
