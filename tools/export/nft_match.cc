// SPDX-License-Identifier: Apache-2.0
#include "tools/export/nft_match.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "agent/policy/protocol.h"
#include "agent/policy/service_reader.h"

namespace portmatrix {
namespace {

// Headers that Portmatrix reads on from, so that no packet is of these protocols.
constexpr uint8_t kReadOnOverIpv6[] = {protocol::kHopByHop,           protocol::kRouting,
                                       protocol::kFragment,           protocol::kAuthentication,
                                       protocol::kDestinationOptions, protocol::kMobility,
                                       protocol::kHostIdentity,       protocol::kShim6};

bool CanBe(uint8_t number, std::optional<Family> family) {
  const bool ipv6_only = std::ranges::find(kReadOnOverIpv6, number) != std::end(kReadOnOverIpv6);
  if (number == protocol::kAuthentication) return false;
  if (number == protocol::kIcmp) return family != Family::kIpv6;
  if (number == protocol::kIcmpv6) return family != Family::kIpv4;
  return !ipv6_only || family != Family::kIpv6;
}

std::string Ports(const std::vector<PortRange>& ports) {
  std::vector<std::string> elements;
  for (const PortRange& range : ports) {
    elements.push_back(range.first == range.last ? std::to_string(range.first)
                                                 : fmt::format("{}-{}", range.first, range.last));
  }
  return NftSet(elements);
}

// Conditions on protocol and service, each beginning with a blank.
class Services {
 public:
  Services(const Match& match, bool answers) : match_(match), answers_(answers) {}

  std::vector<std::string> For(std::optional<Family> family) const {
    std::vector<std::string> services;
    if (match_.any_protocol) {
      services.emplace_back();
      return services;
    }
    std::vector<std::string> plain;
    for (const uint8_t number : match_.protocols) {
      if (!CanBe(number, family)) continue;
      if (number == protocol::kIcmp || number == protocol::kIcmpv6) {
        if (auto icmp = Icmp(number, family)) services.push_back(std::move(*icmp));
        continue;
      }
      // Without a family in the rule, a number that means something over IPv4 alone says so.
      const bool pin = !family && !CanBe(number, Family::kIpv6);
      if (pin) {
        services.push_back(fmt::format(" meta protocol ip meta l4proto {}", number));
      } else {
        plain.push_back(std::to_string(number));
      }
    }
    if (!plain.empty()) services.push_back(" meta l4proto " + NftSet(plain) + TransportPorts());
    return services;
  }

 private:
  std::string TransportPorts() const {
    std::string text;
    const auto& source = answers_ ? match_.ports : match_.source_ports;
    const auto& destination = answers_ ? match_.source_ports : match_.ports;
    if (!source.empty()) text += " th sport " + Ports(source);
    if (!destination.empty()) text += " th dport " + Ports(destination);
    return text;
  }

  std::optional<std::string> Icmp(uint8_t number, std::optional<Family> family) const {
    const bool six = number == protocol::kIcmpv6;
    const char* name = six ? "icmpv6" : "icmp";
    std::string text;
    if (!family) text += six ? " meta protocol ip6" : " meta protocol ip";
    text += fmt::format(" meta l4proto {}", number);
    if (!answers_) {
      if (match_.icmp_type) text += fmt::format(" {} type {}", name, *match_.icmp_type);
      if (match_.icmp_code) text += fmt::format(" {} code {}", name, *match_.icmp_code);
      return text;
    }
    const uint8_t request = six ? icmpv6::kEchoRequest : icmp::kEchoRequest;
    const uint8_t reply = six ? icmpv6::kEchoReply : icmp::kEchoReply;
    if (match_.icmp_type && *match_.icmp_type != request) return std::nullopt;
    if (match_.icmp_code && *match_.icmp_code != 0) return std::nullopt;
    return text + fmt::format(" {} type {} {} code 0", name, reply, name);
  }

  const Match& match_;
  const bool answers_;
};

// The ways in which an address meets one side of a match.
std::vector<std::string> SideOf(const AddressSet& addresses, LiveMask live,
                                std::span<const LiveSet> live_sets, Family family,
                                const std::string& field) {
  std::vector<std::string> ways;
  if (addresses.any()) return {""};
  if (const auto prefixes = PrefixesOf(addresses, family); !prefixes.empty())
    ways.push_back(fmt::format(" {} {}", field, NftSet(prefixes)));
  for (size_t i = 0; i < live_sets.size(); ++i)
    if (live >> i & 1)
      ways.push_back(fmt::format(" {} @{}", field, NftLiveSet(live_sets[i], family)));
  return ways;
}

std::vector<std::string> Matches(const Match& match, std::span<const LiveSet> live_sets,
                                 bool answers) {
  const AddressSet& source = answers ? match.to : match.from;
  const AddressSet& destination = answers ? match.from : match.to;
  const LiveMask source_live = answers ? match.to_live : match.from_live;
  const LiveMask destination_live = answers ? match.from_live : match.to_live;
  const Services services(match, answers);
  std::vector<std::string> all;
  if (source.any() && destination.any()) return services.For(std::nullopt);
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    const std::string ip = family == Family::kIpv4 ? "ip" : "ip6";
    for (const std::string& from : SideOf(source, source_live, live_sets, family, ip + " saddr"))
      for (const std::string& to :
           SideOf(destination, destination_live, live_sets, family, ip + " daddr"))
        for (const std::string& service : services.For(family))
          all.push_back(fmt::format("{}{}{}", from, to, service));
  }
  return all;
}

std::vector<std::string> Stripped(std::vector<std::string> conditions) {
  for (std::string& condition : conditions) {
    if (condition.starts_with(' ')) condition.erase(0, 1);
  }
  return conditions;
}

}  // namespace

std::string NftSet(const std::vector<std::string>& elements) {
  return elements.size() == 1 ? elements.front()
                              : fmt::format("{{ {} }}", fmt::join(elements, ", "));
}

std::vector<std::string> PrefixesOf(const AddressSet& addresses, Family family) {
  std::vector<std::string> prefixes;
  for (const Prefix& prefix : addresses.prefixes()) {
    if (prefix.address.family == family) prefixes.push_back(ToString(prefix));
  }
  return prefixes;
}

std::string NftLiveSet(const LiveSet& set, Family family) {
  return fmt::format("live_{}_{}", set.name, family == Family::kIpv4 ? 4 : 6);
}

std::vector<std::string> NftMatches(const Match& match, std::span<const LiveSet> live_sets) {
  return Stripped(Matches(match, live_sets, false));
}

std::vector<std::string> NftAnswers(const Match& match, std::span<const LiveSet> live_sets) {
  return Stripped(Matches(match, live_sets, true));
}

}  // namespace portmatrix
