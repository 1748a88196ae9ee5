// SPDX-License-Identifier: Apache-2.0
#include "agent/guards.h"

#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <memory>

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

}  // namespace

std::vector<std::string> WouldCut(const Node& node, const Session& session) {
  pm_tuple tuple{};
  std::ranges::copy(session.from.bytes, tuple.source);
  std::ranges::copy(session.to.bytes, tuple.destination);
  tuple.source_port = session.from_port;
  tuple.destination_port = session.to_port;
  tuple.protocol = IPPROTO_TCP;
  tuple.family = static_cast<uint8_t>(session.to.family);
  const std::unique_ptr<RuleMatcher> matcher = MakeLinearMatcher(node);
  std::vector<std::string> reasons;
  for (size_t i = 0; i < node.interfaces.size(); ++i) {
    const Interface& interface = node.interfaces[i];
    if (!interface.local.Contains(session.to)) continue;
    const RuleMatch match = matcher->Find(i, Direction::kIn, tuple);
    if (LetsPass(interface, match.action)) continue;
    reasons.push_back(fmt::format(
        "it would cut your own session from {} to {}: interface {} drops it by {}",
        EndText(session.from, session.from_port), EndText(session.to, session.to_port),
        interface.name, match.rule != nullptr ? "rule " + match.rule->key : "its default"));
  }
  return reasons;
}

std::vector<std::string> WouldExpire(const Node& node,
                                     const std::vector<LeasedAddress>& addresses) {
  std::vector<std::string> reasons;
  for (const LeasedAddress& leased : addresses) {
    for (const Interface& interface : node.interfaces) {
      if (std::ranges::find(interface.devices, leased.device) == interface.devices.end()) continue;
      // The device's own addresses live in its untagged frames.
      if (interface.vlan.kind == VlanSelector::Kind::kTags || LetsPass(interface, PM_ACTION_NONE))
        continue;
      const bool renewed = leased.by == LeasedAddress::By::kDhcp ? interface.dhcp_client
                                                                 : interface.router_advertisements;
      if (renewed) continue;
      reasons.push_back(
          fmt::format("{} on {} was leased and would expire: interface {} has no `{}`",
                      ToString(leased.address), leased.device, interface.name,
                      leased.by == LeasedAddress::By::kDhcp ? "dhcp: client"
                                                            : "router_advertisements: accept"));
    }
  }
  return reasons;
}

}  // namespace portmatrix
