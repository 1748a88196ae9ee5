// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/judging.h"

#include "agent/policy/outside.h"
#include "agent/policy/protocol.h"
#include "agent/policy/tuple.h"

namespace portmatrix {
namespace {

constexpr uint8_t kNeighbourHopLimit = 255;
constexpr uint8_t kLinkLocalHopLimit = 1;

constexpr Prefix kIpv4Multicast = {.address = {.family = Family::kIpv4, .bytes = {224, 0, 0, 0}},
                                   .length = 4};
constexpr Prefix kIpv6Unspecified = {.address = {.family = Family::kIpv6, .bytes = {}},
                                     .length = 128};
constexpr Prefix kIpv6LinkLocal = {.address = {.family = Family::kIpv6, .bytes = {0xfe, 0x80}},
                                   .length = 10};
Decision Pass(pm_reason reason, const Rule* rule = nullptr) {
  return {.verdict = Verdict::kPass, .reason = reason, .rule = rule};
}

Decision Drop(pm_reason reason, const Rule* rule = nullptr) {
  return {.verdict = Verdict::kDrop, .reason = reason, .rule = rule};
}

bool IsSynAck(uint8_t flags) { return (flags & PM_TCP_SYN) && (flags & PM_TCP_ACK); }

}  // namespace

Decision Judging::Decide(const pm_packet& packet) const {
  if (IsNeighbour(packet)) return Pass(PM_REASON_NEIGHBOUR);
  if (IsDhcp(packet)) return Pass(PM_REASON_DHCP);
  if (IsSpoofed(packet)) return Drop(PM_REASON_SPOOFED);

  RuleMatch match;
  std::optional<Decision> answer;
  if (at_.direction == Direction::kIn) {
    match = In(packet.tuple);
    if (match.action == PM_ACTION_FAILSAFE) return Pass(PM_REASON_FAILSAFE);
    if (match.action == PM_ACTION_ALLOW) return Pass(PM_REASON_RULE, match.rule);
    if (!packet.opening) answer = AnswerIn(packet);
    if (!answer) answer = ErrorIn(packet);
  } else {
    RuleMatch reverse;
    if (const auto reversed = Reversed(packet.tuple)) reverse = In(*reversed);
    if (at_.memory != Circumstances::Memory::kNone && !packet.opening &&
        reverse.action == PM_ACTION_FAILSAFE) {
      return Pass(PM_REASON_FAILSAFE);
    }
    match = Out(packet.tuple);
    if (match.action == PM_ACTION_ALLOW) {
      Remember(packet, match, reverse);
      return Pass(PM_REASON_RULE, match.rule);
    }
    if (!packet.opening) answer = AnswerOut(reverse);
    if (!answer) answer = ErrorOut(packet);
  }
  if (answer) return *answer;
  if (match.action == PM_ACTION_DENY) return Drop(PM_REASON_RULE, match.rule);
  return {.verdict = at_.interface->default_verdict, .reason = PM_REASON_DEFAULT};
}

bool Judging::IsNeighbour(const pm_packet& packet) const {
  const pm_tuple& tuple = packet.tuple;
  if (tuple.family == 4) {
    return tuple.protocol == protocol::kIgmp && packet.hop_limit == kLinkLocalHopLimit &&
           kIpv4Multicast.Contains(TupleDestination(tuple));
  }
  if (!IsIcmp(tuple)) return false;
  const int code = tuple.destination_port & 0xff;
  switch (tuple.destination_port >> 8) {
    case icmpv6::kRouterAdvertisement:
      if (at_.direction == Direction::kOut || !at_.interface->router_advertisements) return false;
      [[fallthrough]];
    case icmpv6::kRouterSolicitation:
    case icmpv6::kNeighbourSolicitation:
    case icmpv6::kNeighbourAdvertisement:
      return packet.hop_limit == kNeighbourHopLimit && code == 0 && packet.fragment == PM_WHOLE;
    case icmpv6::kListenerQuery:
    case icmpv6::kListenerReport:
    case icmpv6::kListenerDone:
    case icmpv6::kListenerReportV2: {
      const Address source = TupleSource(tuple);
      return packet.hop_limit == kLinkLocalHopLimit &&
             (kIpv6LinkLocal.Contains(source) || kIpv6Unspecified.Contains(source));
    }
    default:
      return false;
  }
}

bool Judging::IsDhcp(const pm_packet& packet) const {
  const pm_tuple& tuple = packet.tuple;
  if (!at_.interface->dhcp_client || tuple.protocol != protocol::kUdp) return false;
  const uint16_t server = tuple.family == 4 ? dhcp::kServer : dhcp::kServer6;
  const uint16_t client = tuple.family == 4 ? dhcp::kClient : dhcp::kClient6;
  return at_.direction == Direction::kIn
             ? tuple.source_port == server && tuple.destination_port == client
             : tuple.source_port == client && tuple.destination_port == server;
}

bool Judging::IsSpoofed(const pm_packet& packet) const {
  if (at_.direction == Direction::kOut) return false;
  const Address source = TupleSource(packet.tuple);
  if (source == TupleDestination(packet.tuple)) return true;
  for (const Prefix& forbidden : ForbiddenSources()) {
    if (forbidden.Contains(source)) return true;
  }
  return at_.interface->local.Contains(source);
}

std::optional<Decision> Judging::AnswerIn(const pm_packet& packet) const {
  if (at_.memory == Circumstances::Memory::kNone) return std::nullopt;
  const std::optional<pm_tuple> reversed = Reversed(packet.tuple);
  if (!reversed) return std::nullopt;
  if (const Rule* rule = ConversationOf(*reversed)) {
    if (at_.memory == Circumstances::Memory::kFull) {
      at_.conversations->Answer(*reversed, packet.tcp_flags, at_.now);
    }
    return Pass(PM_REASON_REPLY, rule);
  }
  if (const Rule* rule = SocketRule(packet.tuple, *reversed)) return Pass(PM_REASON_REPLY, rule);
  return std::nullopt;
}

std::optional<Decision> Judging::AnswerOut(const RuleMatch& reverse) const {
  if (at_.memory == Circumstances::Memory::kNone) return std::nullopt;
  if (reverse.action != PM_ACTION_ALLOW) return std::nullopt;
  return Pass(PM_REASON_REPLY, reverse.rule);
}

std::optional<Decision> Judging::ErrorIn(const pm_packet& packet) const {
  if (at_.memory == Circumstances::Memory::kNone) return std::nullopt;
  const pm_tuple& sent = packet.embedded;
  if (!packet.icmp_error || sent.family == 0) return std::nullopt;
  if (TupleDestination(packet.tuple) != TupleSource(sent)) return std::nullopt;

  const pm_tuple answer = Reversed(sent).value();
  const RuleMatch offered = In(answer);
  if (offered.action == PM_ACTION_FAILSAFE) return Pass(PM_REASON_FAILSAFE);
  if (offered.action == PM_ACTION_ALLOW) return Pass(PM_REASON_REPLY, offered.rule);
  if (const Rule* rule = ConversationOf(sent)) return Pass(PM_REASON_REPLY, rule);
  if (const Rule* rule = SocketRule(answer, sent)) return Pass(PM_REASON_REPLY, rule);
  return std::nullopt;
}

std::optional<Decision> Judging::ErrorOut(const pm_packet& packet) const {
  if (at_.memory == Circumstances::Memory::kNone) return std::nullopt;
  const pm_tuple& received = packet.embedded;
  if (!packet.icmp_error || received.family == 0) return std::nullopt;
  if (!at_.interface->local.Contains(TupleSource(packet.tuple))) return std::nullopt;

  const RuleMatch offered = In(received);
  if (offered.action == PM_ACTION_FAILSAFE) return Pass(PM_REASON_FAILSAFE);
  if (offered.action == PM_ACTION_ALLOW) return Pass(PM_REASON_REPLY, offered.rule);
  if (const Rule* rule = ConversationOf(Reversed(received).value())) {
    return Pass(PM_REASON_REPLY, rule);
  }
  return std::nullopt;
}

void Judging::Remember(const pm_packet& packet, const RuleMatch& match,
                       const RuleMatch& reverse) const {
  if (at_.memory != Circumstances::Memory::kFull) return;
  if (packet.tcp_flags & PM_TCP_RST) {
    at_.conversations->Reset(packet.tuple, at_.now);
    return;
  }
  if (reverse.action == PM_ACTION_ALLOW || reverse.action == PM_ACTION_FAILSAFE) return;
  // The default admits the answers, so that nothing outside makes the host create state by asking.
  if (reverse.action == PM_ACTION_NONE && at_.interface->default_verdict == Verdict::kPass) return;
  if (IsSynAck(packet.tcp_flags)) return;
  if (IsIcmp(packet.tuple) && !IsEchoRequest(packet.tuple)) return;
  at_.conversations->Refresh(packet, match.rule, at_.generation, at_.now);
}

RuleMatch Judging::Find(Direction direction, const pm_tuple& tuple) const {
  LiveMembership live;
  if (at_.live != nullptr) live = at_.live->MembershipOf(*at_.node, tuple, at_.now);
  return at_.matcher->Find(at_.interface_index, direction, tuple, live);
}

const Rule* Judging::ConversationOf(const pm_tuple& opening) const {
  // Membership that ends with time or by somebody's hand leaves no trace in the entry, so it is
  // asked for with every packet.
  return at_.conversations->Find(opening, at_.generation, at_.live_use.out, at_.now,
                                 [this](const pm_tuple& tuple) -> const Rule* {
                                   const RuleMatch match = Out(tuple);
                                   return match.action == PM_ACTION_ALLOW ? match.rule : nullptr;
                                 });
}

const Rule* Judging::SocketRule(const pm_tuple& incoming, const pm_tuple& outgoing) const {
  if (incoming.protocol != protocol::kTcp || !*at_.established) return nullptr;
  const RuleMatch match = Out(outgoing);
  if (match.action != PM_ACTION_ALLOW || !(*at_.established)(incoming)) return nullptr;
  return match.rule;
}

}  // namespace portmatrix
