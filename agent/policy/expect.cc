// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/expect.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "agent/policy/evaluator.h"
#include "agent/policy/protocol.h"
#include "agent/policy/service_reader.h"
#include "agent/policy/tuple.h"

namespace portmatrix {
namespace {

constexpr uint8_t kHopLimit = 64;
constexpr uint16_t kFirstDynamicPort = 49152;  // RFC 6335, section 6
constexpr uint16_t kFirstUserPort = 1024;
constexpr int kLastPort = 65535;

const char* VerdictWord(Verdict verdict) { return verdict == Verdict::kPass ? "allow" : "drop"; }

std::string Endpoint(const Address& address, uint16_t port, bool has_port) {
  const std::string text = ToString(address);
  if (!has_port) return text;
  if (address.family == Family::kIpv6) return fmt::format("[{}]:{}", text, port);
  return fmt::format("{}:{}", text, port);
}

// "tcp 198.51.100.7:49152 > 203.0.113.11:5061, in"
std::string PacketText(const pm_packet& packet, const Expectation& expectation,
                       Direction direction) {
  const pm_tuple& tuple = packet.tuple;
  const bool ports = HasPorts(tuple.protocol);
  std::string text = fmt::format("{} {} > {}", ProtocolWord(tuple.protocol),
                                 Endpoint(expectation.from, tuple.source_port, ports),
                                 Endpoint(expectation.to, tuple.destination_port, ports));
  if (IsIcmp(tuple.protocol)) {
    text +=
        fmt::format(" type {} code {}", tuple.destination_port >> 8, tuple.destination_port & 0xff);
  }
  return fmt::format("{}, {}", text, ToString(direction));
}

// "drop (default)", "allow by external/external/sip-tls-in"
std::string Outcome(const Judgement& judgement, Verdict verdict) {
  if (judgement.rule != nullptr) {
    return fmt::format("{} by {} ({})", VerdictWord(verdict), judgement.rule->key,
                       ReasonWord(judgement.reason));
  }
  return fmt::format("{} ({})", VerdictWord(verdict), ReasonWord(judgement.reason));
}

const Rule* FindRule(const Interface& interface, const std::string& key) {
  const auto found = std::ranges::find(interface.rules, key, &Rule::key);
  return found == interface.rules.end() ? nullptr : &*found;
}

const char* StateText(RuleState state) {
  switch (state) {
    case RuleState::kActive:
      return "the rule that was expected";
    case RuleState::kDisabled:
      return "the rule that was expected is disabled";
    case RuleState::kExpired:
      return "the rule that was expected has expired";
    case RuleState::kInactive:
      return "the rule that was expected is inactive on this interface";
  }
  return "";
}

bool IsError(bool ipv4, uint8_t type) {
  if (!ipv4) return type >= icmpv6::kDestinationUnreachable && type <= icmpv6::kParameterProblem;
  return type == icmp::kDestinationUnreachable || type == icmp::kTimeExceeded ||
         type == icmp::kParameterProblem;
}

pm_packet PacketFrom(const Expectation& expectation, uint16_t unnamed_port) {
  pm_packet packet = {};
  packet.hop_limit = kHopLimit;
  pm_tuple& tuple = packet.tuple;
  tuple = MakeTuple(expectation.from, expectation.to, expectation.protocol);
  if (HasPorts(expectation.protocol)) {
    tuple.source_port = expectation.source_port.value_or(unnamed_port);
    tuple.destination_port = expectation.port.value_or(0);
  }
  const bool ipv4 = expectation.from.family == Family::kIpv4;
  switch (expectation.protocol) {
    case protocol::kTcp:
      packet.tcp_flags = PM_TCP_SYN;
      packet.opening = 1;
      break;
    case protocol::kSctp:
      packet.opening = 1;
      break;
    case protocol::kIcmp:
    case protocol::kIcmpv6: {
      const uint8_t request = ipv4 ? icmp::kEchoRequest : icmpv6::kEchoRequest;
      const uint8_t type = expectation.icmp_type.value_or(request);
      const uint8_t code = expectation.icmp_code.value_or(0);
      tuple.destination_port = IcmpService(type, code);
      packet.opening = type == request && code == 0;
      packet.icmp_error = IsError(ipv4, type);
      break;
    }
    default:
      break;
  }
  return packet;
}

// Reports the expectation if it does not hold.
bool Check(const Node& node, const Evaluator& evaluator, size_t index,
           const Expectation& expectation, uint16_t unnamed_port, Diagnostics& diagnostics) {
  const Interface& interface = node.interfaces[index];
  const Direction direction = DirectionOf(interface, expectation.to);
  const pm_packet packet = PacketFrom(expectation, unnamed_port);
  const Judgement judgement = evaluator.JudgeOpening(index, direction, packet);
  // Audit lets everything pass; what the policy says of the packet is what an expectation is about.
  const Verdict verdict = judgement.audited ? Verdict::kDrop : judgement.verdict;
  const bool rule_holds =
      !expectation.rule || (judgement.rule != nullptr && judgement.rule->key == *expectation.rule);
  if (verdict == expectation.verdict && rule_holds) return true;
  Diagnostic& error = diagnostics.Error(
      "expectation-failed", expectation.span,
      fmt::format("expected {}{}, got {}", VerdictWord(expectation.verdict),
                  expectation.rule ? " by " + *expectation.rule : "", Outcome(judgement, verdict)),
      fmt::format("the packet: {}", PacketText(packet, expectation, direction)));
  if (judgement.rule != nullptr) {
    error.notes.push_back({judgement.rule->span, "the rule that decided"});
  }
  const Rule* expected = expectation.rule ? FindRule(interface, *expectation.rule) : nullptr;
  if (expected != nullptr && !rule_holds) {
    error.notes.push_back({expected->span, StateText(expected->state)});
  }
  return false;
}

}  // namespace

size_t RunExpectations(const Node& node, Diagnostics& diagnostics) {
  const Evaluator evaluator(node);
  const uint16_t unnamed_port = UnnamedPort(node);
  size_t holding = 0;
  for (const Expectation& expectation : node.expectations) {
    const auto interface =
        std::ranges::find(node.interfaces, expectation.interface, &Interface::name);
    if (interface == node.interfaces.end()) {
      diagnostics.Error(
          "unknown-interface", expectation.span,
          fmt::format("node `{}` has no interface `{}`", node.name, expectation.interface));
      continue;
    }
    const auto index = static_cast<size_t>(interface - node.interfaces.begin());
    if (Check(node, evaluator, index, expectation, unnamed_port, diagnostics)) ++holding;
  }
  return holding;
}

pm_packet OpeningPacket(const Node& node, const Expectation& expectation) {
  return PacketFrom(expectation, UnnamedPort(node));
}

Direction DirectionOf(const Interface& interface, const Address& to) {
  return interface.local.Contains(to) ? Direction::kIn : Direction::kOut;
}

uint16_t UnnamedPort(const Node& node) {
  std::vector<bool> named(kLastPort + 1);
  const auto name = [&](const std::vector<PortRange>& ranges) {
    for (const PortRange& range : ranges) {
      std::fill(named.begin() + range.first, named.begin() + range.last + 1, true);
    }
  };
  const auto name_all = [&](const Match& match) {
    name(match.ports);
    name(match.source_ports);
  };
  for (const FailsafeEntry& entry : node.failsafe) name_all(entry.match);
  for (const Interface& interface : node.interfaces) {
    for (const Rule& rule : interface.rules) name_all(rule.match);
  }
  for (const int first : {int{kFirstDynamicPort}, int{kFirstUserPort}}) {
    const auto free = std::find(named.begin() + first, named.end(), false);
    if (free != named.end()) return static_cast<uint16_t>(free - named.begin());
  }
  return kFirstDynamicPort;
}

}  // namespace portmatrix
