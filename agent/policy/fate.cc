// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/fate.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "agent/policy/outside.h"
#include "agent/policy/protocol.h"
#include "agent/policy/service_classes.h"

namespace portmatrix {
namespace {

Match Everything() {
  Match match;
  match.from = match.to = AddressSet::Any();
  match.any_protocol = true;
  return match;
}

Fate Pass(pm_reason reason, const Rule* rule = nullptr) {
  return {.verdict = Verdict::kPass, .reason = reason, .rule = rule};
}

Fate FateOf(const Rule& rule) {
  return {.verdict = rule.action == Action::kAllow ? Verdict::kPass : Verdict::kDrop,
          .reason = PM_REASON_RULE,
          .rule = &rule};
}

// The exchange of ports in one family.
Match Exchange(Family family, uint16_t from, uint16_t to) {
  Match match;
  match.from = match.to = AddressSet::Of({Prefix{Address{family, {}}, 0}});
  match.protocols = {protocol::kUdp};
  match.source_ports = {{from, from}};
  match.ports = {{to, to}};
  return match;
}

std::array<Match, 2> DhcpExchange(Direction direction) {
  const bool in = direction == Direction::kIn;
  return {Exchange(Family::kIpv4, in ? dhcp::kServer : dhcp::kClient,
                   in ? dhcp::kClient : dhcp::kServer),
          Exchange(Family::kIpv6, in ? dhcp::kServer6 : dhcp::kClient6,
                   in ? dhcp::kClient6 : dhcp::kServer6)};
}

bool Matches(const Match& match, uint8_t protocol, uint8_t type) {
  return MatchesProtocol(match, protocol) && (!match.icmp_type || *match.icmp_type == type) &&
         (!match.icmp_code || *match.icmp_code == 0);
}

}  // namespace

std::string ToString(const Fate& fate) {
  if (!fate.judged) return "-";
  const char* verdict = fate.verdict == Verdict::kPass ? "allow" : "drop";
  if (fate.rule == nullptr) return fmt::format("{} ({})", verdict, ReasonWord(fate.reason));
  if (fate.reason == PM_REASON_RULE) return fmt::format("{} by {}", verdict, fate.rule->key);
  return fmt::format("{} by {} ({})", verdict, fate.rule->key, ReasonWord(fate.reason));
}

FateSteps FateSteps::Opening(const Node& node, const Interface* interface, Direction direction,
                             const AddressSet& spoofed) {
  FateSteps made;
  if (interface == nullptr) {
    made.AddOwn(Everything(), {.judged = false});
    return made;
  }
  if (interface->dhcp_client) {
    for (Match& match : DhcpExchange(direction))
      made.AddOwn(std::move(match), Pass(PM_REASON_DHCP));
  }
  if (direction == Direction::kIn) {
    if (!spoofed.empty()) {
      Match match = Everything();
      match.from = spoofed;
      made.AddOwn(std::move(match), {.reason = PM_REASON_SPOOFED});
    }
    for (const FailsafeEntry& entry : node.failsafe) {
      made.Add(entry.match, Pass(PM_REASON_FAILSAFE));
    }
  }
  for (const Rule& rule : interface->rules) {
    if (rule.direction != direction || rule.state != RuleState::kActive) continue;
    made.Add(rule.match, FateOf(rule));
  }
  made.AddOwn(Everything(), {.verdict = interface->default_verdict, .reason = PM_REASON_DEFAULT});
  return made;
}

FateSteps FateSteps::Allowing(const Node& node, const Interface* interface, Direction direction) {
  FateSteps made;
  if (interface == nullptr) return made;
  if (direction == Direction::kIn) {
    for (const FailsafeEntry& entry : node.failsafe) {
      made.Add(entry.match, Pass(PM_REASON_FAILSAFE));
    }
  } else if (interface->dhcp_client) {
    // What the client sends passes before any rule is asked, and so opens
    // nothing.
    for (Match& match : DhcpExchange(direction)) {
      made.AddOwn(std::move(match), {.reason = PM_REASON_DHCP});
    }
  }
  for (const Rule& rule : interface->rules) {
    if (rule.direction != direction || rule.state != RuleState::kActive) continue;
    made.Add(rule.match, FateOf(rule));
  }
  return made;
}

FateSteps FateSteps::Reversed() const {
  FateSteps made;
  for (const FateStep& step : steps_) made.AddReversed(*step.match, step.fate);
  return made;
}

void FateSteps::AddOwn(Match match, const Fate& fate) {
  own_.push_back(std::move(match));
  Add(own_.back(), fate);
}

// Of ICMP only echo requests are answered.
void FateSteps::AddReversed(const Match& match, const Fate& fate) {
  Match reversed;
  reversed.from = match.to;
  reversed.to = match.from;
  reversed.from_live = match.to_live;
  reversed.to_live = match.from_live;
  const auto add_echo = [&](uint8_t protocol, uint8_t request, uint8_t reply) {
    if (!Matches(match, protocol, request)) return;
    Match echo = reversed;
    echo.protocols = {protocol};
    echo.icmp_type = reply;
    echo.icmp_code = 0;
    AddOwn(std::move(echo), fate);
  };
  add_echo(protocol::kIcmp, icmp::kEchoRequest, icmp::kEchoReply);
  add_echo(protocol::kIcmpv6, icmpv6::kEchoRequest, icmpv6::kEchoReply);
  for (int number = 0; number < 256; ++number) {
    const auto protocol = static_cast<uint8_t>(number);
    if (protocol == protocol::kIcmp || protocol == protocol::kIcmpv6) continue;
    if (MatchesProtocol(match, protocol)) reversed.protocols.push_back(protocol);
  }
  if (reversed.protocols.empty()) return;
  reversed.ports = match.source_ports;
  reversed.source_ports = match.ports;
  AddOwn(std::move(reversed), fate);
}

}  // namespace portmatrix
