// SPDX-License-Identifier: Apache-2.0
#include "agent/guards.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <netinet/in.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>

#include "agent/policy/evaluator.h"
#include "maps/layout.h"

namespace portmatrix {
namespace {

std::string EndText(const Address& address, uint16_t port) {
  if (address.family == Family::kIpv6) return fmt::format("[{}]:{}", ToString(address), port);
  return fmt::format("{}:{}", ToString(address), port);
}

// Whatever its rules, it lets packets pass.
bool LetsPass(const Interface& interface, pm_action action) {
  return interface.mode == Mode::kAudit || action == PM_ACTION_ALLOW ||
         action == PM_ACTION_FAILSAFE ||
         (action == PM_ACTION_NONE && interface.default_verdict == Verdict::kPass);
}

bool Binds(const Interface& interface, const std::string& device) {
  return std::ranges::find(interface.devices, device) != interface.devices.end();
}

bool NamesTags(const VlanSelector& selector, const std::vector<uint16_t>& tags) {
  if (selector.kind == VlanSelector::Kind::kAny) return false;
  std::vector<uint16_t> named;
  if (selector.kind == VlanSelector::Kind::kTags) named.push_back(selector.outer);
  if (selector.inner != 0) named.push_back(selector.inner);
  return named == tags;
}

// What judges the frames of a path.
struct Taker {
  bool is_bound = false;
  std::optional<size_t> interface;  // none though bound: they drop, reason `vlan`
};

Taker TakerOf(const Node& node, const WirePath& path) {
  Taker taker;
  for (size_t i = 0; i < node.interfaces.size(); ++i) {
    const Interface& interface = node.interfaces[i];
    if (!Binds(interface, path.device)) continue;
    taker.is_bound = true;
    if (NamesTags(interface.vlan, path.tags)) return {true, i};
    if (interface.vlan.kind == VlanSelector::Kind::kAny) taker.interface = i;
  }
  return taker;
}

std::string TagsText(const WirePath& path) {
  return path.tags.empty() ? "untagged" : fmt::format("tagged {}", fmt::join(path.tags, ", "));
}

LiveMembership MembershipOf(const Node& node, const Session& session, const HoldsLive& holds) {
  LiveMembership live;
  for (size_t i = 0; holds && i < node.live_sets.size(); ++i) {
    const std::string& set = node.live_sets[i].name;
    if (holds(set, session.from)) live.source |= LiveMask{1} << i;
    if (holds(set, session.to)) live.destination |= LiveMask{1} << i;
  }
  return live;
}

// Why an interface drops the session; nothing if it lets it pass.
std::string WhyCut(const Node& node, size_t index, const Session& session, bool by_path,
                   const HoldsLive& holds) {
  const Interface& interface = node.interfaces[index];
  // In gateways' `local` stand whole prefixes; what comes from outside and says it is one of these
  // is spoofed.
  if (by_path && interface.mode != Mode::kAudit && interface.local.Contains(session.from))
    return fmt::format("drops it as spoofed, for {} is in its `local`", ToString(session.from));
  pm_tuple tuple{};
  std::ranges::copy(session.from.bytes, tuple.source);
  std::ranges::copy(session.to.bytes, tuple.destination);
  tuple.source_port = session.from_port;
  tuple.destination_port = session.to_port;
  tuple.protocol = IPPROTO_TCP;
  tuple.family = static_cast<uint8_t>(session.to.family);
  const RuleMatch match = MakeLinearMatcher(node)->Find(index, Direction::kIn, tuple,
                                                        MembershipOf(node, session, holds));
  if (LetsPass(interface, match.action)) return "";
  const std::string missing = fmt::format("{{protocol: tcp, ports: {}, from: {}}}", session.to_port,
                                          ToString(session.from));
  if (match.rule != nullptr)
    return fmt::format(
        "drops it by rule {}; missing: the failsafe entry {}, or such a rule before "
        "that one",
        match.rule->key, missing);
  return fmt::format(
      "drops it by its default; missing: the failsafe entry {}, or such a rule in a "
      "matrix of {}",
      missing, interface.name);
}

}  // namespace

std::vector<std::string> WouldCut(const Node& node, const Session& session,
                                  const HoldsLive& holds) {
  if (session.paths.size() == 1 && session.paths[0].device == "lo") return {};
  std::map<size_t, bool> concerned;  // interface to: by a path
  for (size_t i = 0; i < node.interfaces.size(); ++i)
    if (node.interfaces[i].local.Contains(session.to)) concerned[i] = false;
  const std::string cut = fmt::format(
      "it would cut your own session from {} to {}: ", EndText(session.from, session.from_port),
      EndText(session.to, session.to_port));
  std::vector<std::string> reasons;
  for (const WirePath& path : session.paths) {
    const Taker taker = TakerOf(node, path);
    if (taker.interface)
      concerned[*taker.interface] = true;
    else if (taker.is_bound)
      reasons.push_back(fmt::format("{}no interface takes the {} frames of {}", cut, TagsText(path),
                                    path.device));
  }
  for (const auto& [index, by_path] : concerned)
    if (const std::string why = WhyCut(node, index, session, by_path, holds); !why.empty())
      reasons.push_back(fmt::format("{}interface {} {}", cut, node.interfaces[index].name, why));
  return reasons;
}

std::vector<std::string> WouldExpire(const Node& node,
                                     const std::vector<LeasedAddress>& addresses) {
  std::vector<std::string> reasons;
  for (const LeasedAddress& leased : addresses) {
    const std::string what = fmt::format(
        "{} on {} was leased and would expire: ", ToString(leased.address), leased.device);
    const std::vector<WirePath> own = {{leased.device, {}}};
    for (const WirePath& path : leased.paths.empty() ? own : leased.paths) {
      const Taker taker = TakerOf(node, path);
      if (!taker.is_bound) continue;
      if (!taker.interface) {
        reasons.push_back(fmt::format("{}no interface takes the {} frames of {}", what,
                                      TagsText(path), path.device));
        continue;
      }
      const Interface& interface = node.interfaces[*taker.interface];
      if (LetsPass(interface, PM_ACTION_NONE)) continue;
      const bool renewed = leased.by == LeasedAddress::By::kDhcp ? interface.dhcp_client
                                                                 : interface.router_advertisements;
      if (renewed) continue;
      reasons.push_back(fmt::format("{}interface {} has no `{}`", what, interface.name,
                                    leased.by == LeasedAddress::By::kDhcp
                                        ? "dhcp: client"
                                        : "router_advertisements: accept"));
    }
  }
  return reasons;
}

}  // namespace portmatrix
