// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/expect.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "agent/policy/evaluator.h"
#include "agent/policy/proof.h"
#include "agent/policy/protocol.h"
#include "agent/policy/service_reader.h"
#include "agent/policy/tuple.h"
#include "agent/policy/tuple_text.h"

namespace portmatrix {
namespace {

constexpr uint8_t kHopLimit = 64;
constexpr uint16_t kFirstDynamicPort = 49152;  // RFC 6335, section 6
constexpr uint16_t kFirstUserPort = 1024;
constexpr int kLastPort = 65535;
// For all claims of a node: a second or two.
constexpr size_t kStepsOfClaims = 50'000'000;

const char* VerdictWord(Verdict verdict) { return verdict == Verdict::kPass ? "allow" : "drop"; }

// "drop (default)", "allow by external/external/sip-tls-in (rule)"
std::string Got(const Judgement& judgement) {
  if (judgement.rule != nullptr) {
    return fmt::format("{} by {} ({})", VerdictWord(judgement.verdict), judgement.rule->key,
                       ReasonWord(judgement.reason));
  }
  return fmt::format("{} ({})", VerdictWord(judgement.verdict), ReasonWord(judgement.reason));
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

pm_tuple TupleFrom(const Expectation& expectation, uint16_t unnamed_port) {
  pm_tuple tuple = MakeTuple(expectation.from, expectation.to, expectation.protocol);
  if (HasPorts(expectation.protocol)) {
    tuple.source_port = expectation.source_port.value_or(unnamed_port);
    tuple.destination_port = expectation.port.value_or(0);
  } else if (IsIcmp(expectation.protocol)) {
    const bool ipv4 = expectation.from.family == Family::kIpv4;
    const uint8_t request = ipv4 ? icmp::kEchoRequest : icmpv6::kEchoRequest;
    tuple.destination_port =
        IcmpService(expectation.icmp_type.value_or(request), expectation.icmp_code.value_or(0));
  }
  return tuple;
}

Judgement Judged(const Evaluator& evaluator, size_t index, Direction direction,
                 const pm_tuple& tuple) {
  Judgement judgement = evaluator.JudgeOpening(index, direction, OpeningPacket(tuple));
  // Audit lets everything pass; what the policy says of the packet is what an expectation is about.
  if (judgement.audited) judgement.verdict = Verdict::kDrop;
  return judgement;
}

// "allow by a/m/r"
std::string Wanted(Verdict verdict, const std::optional<std::string>& rule) {
  return rule ? fmt::format("{} by {}", VerdictWord(verdict), *rule) : VerdictWord(verdict);
}

// What one packet gets instead, and by whom.
void ReportFailed(const Interface& interface, const Span& span, std::string message,
                  const pm_tuple& tuple, Direction direction, const Judgement& judgement,
                  const std::optional<std::string>& rule, Diagnostics& diagnostics) {
  Diagnostic& error =
      diagnostics.Error("expectation-failed", span, std::move(message),
                        fmt::format("the packet: {}, {}", TupleText(tuple), ToString(direction)));
  if (judgement.rule != nullptr) {
    error.notes.push_back({judgement.rule->span, "the rule that decided"});
  }
  const Rule* expected = rule ? FindRule(interface, *rule) : nullptr;
  const bool decided = judgement.rule != nullptr && rule && judgement.rule->key == *rule;
  if (expected != nullptr && !decided) {
    error.notes.push_back({expected->span, StateText(expected->state)});
  }
}

// Reports the expectation if it does not hold.
bool Check(const Node& node, const Evaluator& evaluator, size_t index,
           const Expectation& expectation, uint16_t unnamed_port, Diagnostics& diagnostics) {
  const Interface& interface = node.interfaces[index];
  const Direction direction = DirectionOf(interface, expectation.to);
  const pm_tuple tuple = TupleFrom(expectation, unnamed_port);
  const Judgement judgement = Judged(evaluator, index, direction, tuple);
  const bool rule_holds =
      !expectation.rule || (judgement.rule != nullptr && judgement.rule->key == *expectation.rule);
  if (judgement.verdict == expectation.verdict && rule_holds) return true;
  ReportFailed(interface, expectation.span,
               fmt::format("expected {}, got {}", Wanted(expectation.verdict, expectation.rule),
                           Got(judgement)),
               tuple, direction, judgement, expectation.rule, diagnostics);
  return false;
}

bool Check(const Node& node, const Evaluator& evaluator, Prover& prover, size_t index,
           const Claim& claim, WorkBudget& budget, Diagnostics& diagnostics) {
  const Proof proof = prover.Prove(index, claim, budget);
  switch (proof.outcome) {
    case Proof::Outcome::kHolds:
      return true;
    case Proof::Outcome::kEmpty:
      diagnostics.Error("empty-expectation", claim.span, "this expectation means no packet",
                        "look at its families, sets and exceptions; sources that are local or "
                        "multicast do not come from outside");
      return false;
    case Proof::Outcome::kDepends:
      diagnostics
          .Error(
              "expectation-undecided", claim.span,
              "whether this holds depends on what a dynamic set holds",
              fmt::format("the packet: {}, {}; except what may be in the set, or make the set one "
                          "of the policy",
                          TupleText(proof.packet), ToString(proof.direction)))
          .notes.push_back({proof.rule->span, "the rule that would decide it if the set says so"});
      return false;
    case Proof::Outcome::kUndecided:
      diagnostics.Error(
          "expectation-undecided", claim.span,
          "it could not be decided whether this holds: too many rules meet its packets",
          "split it: by `to`, by `protocol`, by `ports`");
      return false;
    case Proof::Outcome::kFails:
      break;
  }
  const Judgement judgement = Judged(evaluator, index, proof.direction, proof.packet);
  ReportFailed(node.interfaces[index], claim.span,
               fmt::format("expected {} for every packet, got {} for one",
                           Wanted(claim.verdict, claim.rule), Got(judgement)),
               proof.packet, proof.direction, judgement, claim.rule, diagnostics);
  return false;
}

// The interface's index, or nothing, which is reported.
std::optional<size_t> IndexOf(const Node& node, const std::string& name, const Span& span,
                              Diagnostics& diagnostics) {
  const auto interface = std::ranges::find(node.interfaces, name, &Interface::name);
  if (interface != node.interfaces.end()) {
    return static_cast<size_t>(interface - node.interfaces.begin());
  }
  diagnostics.Error("unknown-interface", span,
                    fmt::format("node `{}` has no interface `{}`", node.name, name));
  return std::nullopt;
}

}  // namespace

size_t RunExpectations(const Policy& policy, const Node& node, Diagnostics& diagnostics) {
  return JudgeExpectations(node, diagnostics) +
         ProveClaims(ClaimsOf(policy, node.name), node, diagnostics);
}

size_t JudgeExpectations(const Node& node, Diagnostics& diagnostics) {
  if (node.expectations.empty()) return 0;
  const Evaluator evaluator(node);
  const uint16_t unnamed_port = UnnamedPort(node);
  size_t holding = 0;
  for (const Expectation& expectation : node.expectations) {
    const auto index = IndexOf(node, expectation.interface, expectation.span, diagnostics);
    if (index && Check(node, evaluator, *index, expectation, unnamed_port, diagnostics)) ++holding;
  }
  return holding;
}

size_t ProveClaims(const std::vector<Claim>& claims, const Node& node, Diagnostics& diagnostics) {
  if (claims.empty()) return 0;
  const Evaluator evaluator(node);
  Prover prover(node);
  WorkBudget budget(kStepsOfClaims);
  size_t holding = 0;
  for (const Claim& claim : claims) {
    const auto index = IndexOf(node, claim.interface, claim.span, diagnostics);
    if (index && Check(node, evaluator, prover, *index, claim, budget, diagnostics)) ++holding;
  }
  return holding;
}

pm_packet OpeningPacket(const pm_tuple& tuple) {
  pm_packet packet = {};
  packet.hop_limit = kHopLimit;
  packet.tuple = tuple;
  if (tuple.protocol == protocol::kTcp) {
    packet.tcp_flags = PM_TCP_SYN;
    packet.opening = 1;
  } else if (tuple.protocol == protocol::kSctp) {
    packet.opening = 1;
  } else if (IsIcmp(tuple.protocol)) {
    const bool ipv4 = tuple.family == 4;
    packet.opening =
        tuple.destination_port == IcmpService(ipv4 ? icmp::kEchoRequest : icmpv6::kEchoRequest, 0);
    packet.icmp_error = IsError(ipv4, static_cast<uint8_t>(tuple.destination_port >> 8));
  }
  return packet;
}

pm_packet OpeningPacket(const Node& node, const Expectation& expectation) {
  return OpeningPacket(TupleFrom(expectation, UnnamedPort(node)));
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
