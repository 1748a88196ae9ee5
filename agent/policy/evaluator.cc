// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/evaluator.h"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/policy/conversations.h"
#include "agent/policy/fragments.h"
#include "agent/policy/frame.h"
#include "agent/policy/judging.h"
#include "agent/policy/packet.h"
#include "agent/policy/protocol.h"

namespace portmatrix {
namespace {

bool Binds(const Interface& interface, std::string_view device) {
  return std::ranges::find(interface.devices, device) != interface.devices.end();
}

bool IsBound(const Node& node, std::string_view device) {
  return std::ranges::any_of(
      node.interfaces, [device](const Interface& interface) { return Binds(interface, device); });
}

// Does the selector name exactly these tags? `any` names none: it takes what nothing else selects.
bool NamesTags(const VlanSelector& selector, const std::array<uint16_t, 2>& vlan) {
  switch (selector.kind) {
    case VlanSelector::Kind::kNone:
      return vlan[0] == 0;
    case VlanSelector::Kind::kTags:
      return vlan[0] == selector.outer && vlan[1] == selector.inner;
    case VlanSelector::Kind::kAny:
      return false;
  }
  return false;
}

std::optional<size_t> SelectInterface(const Node& node, std::string_view device,
                                      const std::array<uint16_t, 2>& vlan) {
  std::optional<size_t> any;
  for (size_t index = 0; index < node.interfaces.size(); ++index) {
    const Interface& interface = node.interfaces[index];
    if (!Binds(interface, device)) continue;
    if (NamesTags(interface.vlan, vlan)) return index;
    if (interface.vlan.kind == VlanSelector::Kind::kAny) any = index;
  }
  return any;
}

std::optional<Family> FamilyOf(uint16_t ethertype) {
  if (ethertype == ethertype::kIpv4) return Family::kIpv4;
  if (ethertype == ethertype::kIpv6) return Family::kIpv6;
  return std::nullopt;
}

LiveUse LiveUseOf(const Interface& interface) {
  LiveUse use;
  for (const Rule& rule : interface.rules) {
    if (rule.state != RuleState::kActive || !rule.match.is_live()) continue;
    (rule.direction == Direction::kIn ? use.in : use.out) = true;
  }
  return use;
}

Decision JudgeEthertype(const Interface& interface, uint16_t ethertype) {
  const bool listed =
      std::ranges::find(interface.ethertypes, ethertype) != interface.ethertypes.end();
  return {.verdict = listed ? Verdict::kPass : Verdict::kDrop, .reason = PM_REASON_ETHERTYPE};
}

Judgement OnDevice(Verdict verdict, pm_reason reason) {
  return {.verdict = verdict, .reason = reason};
}

Judgement OnInterface(const Node& node, size_t index, const Decision& decision) {
  Judgement judgement = {.verdict = decision.verdict,
                         .reason = decision.reason,
                         .rule = decision.rule,
                         .interface = index};
  if (node.interfaces[index].mode == Mode::kAudit && decision.verdict == Verdict::kDrop &&
      decision.reason != PM_REASON_INTERNAL) {
    judgement.verdict = Verdict::kPass;
    judgement.audited = true;
  }
  return judgement;
}

}  // namespace

struct Evaluator::State {
  const Node* node = nullptr;
  std::unique_ptr<RuleMatcher> matcher;
  SocketLookup established;
  uint64_t generation = 0;
  std::map<std::string, uint16_t, std::less<>> owners;  // number of a policy interface, by name
  std::vector<uint16_t> owner_of;                       // by index in `node`
  std::vector<LiveUse> live_use;                        // likewise
  LiveContent live;
  Conversations conversations;
  Fragments fragments;

  Decision JudgePacket(const Frame& frame, size_t index, const pm_packet& packet);
  Decision JudgeLater(const Frame& frame, size_t index, const pm_packet& later);
  Circumstances At(size_t index, Direction direction) const;
};

Circumstances Evaluator::State::At(size_t index, Direction direction) const {
  return {.node = node,
          .interface = &node->interfaces[index],
          .interface_index = index,
          .matcher = matcher.get(),
          .direction = direction,
          .generation = generation};
}

Decision Evaluator::State::JudgePacket(const Frame& frame, size_t index, const pm_packet& packet) {
  Circumstances at = At(index, frame.direction);
  at.now = frame.time;
  at.memory = Circumstances::Memory::kFull;
  at.live = &live;
  at.live_use = live_use[index];
  at.conversations = &conversations;
  at.established = &established;
  const Decision decision = Judging(at).Decide(packet);
  if (packet.fragment == PM_FIRST) {
    fragments.Store(
        frame.direction,
        {.packet = packet, .time = frame.time, .generation = generation, .decision = decision});
  }
  return decision;
}

Decision Evaluator::State::JudgeLater(const Frame& frame, size_t index, const pm_packet& later) {
  FirstFragment* first = fragments.Find(frame.direction, later, frame.time);
  if (first == nullptr) return {.verdict = Verdict::kDrop, .reason = PM_REASON_FRAGMENT};
  if (later.fragment_offset < first->packet.header_end) {
    return {.verdict = Verdict::kDrop, .reason = PM_REASON_MALFORMED};
  }
  if (first->generation != generation || live_use[index].in || live_use[index].out) {
    Circumstances at = At(index, frame.direction);
    at.now = frame.time;
    at.memory = Circumstances::Memory::kReadOnly;
    at.live = &live;
    at.live_use = live_use[index];
    at.conversations = &conversations;
    at.established = &established;
    first->decision = Judging(at).Decide(first->packet);
    first->generation = generation;
  }
  return first->decision;
}

Evaluator::Evaluator(const Node& node, std::unique_ptr<RuleMatcher> matcher)
    : state_(std::make_unique<State>()) {
  Change(node, std::move(matcher));
}

Evaluator::~Evaluator() = default;
Evaluator::Evaluator(Evaluator&&) noexcept = default;
Evaluator& Evaluator::operator=(Evaluator&&) noexcept = default;

void Evaluator::set_socket_lookup(SocketLookup lookup) { state_->established = std::move(lookup); }

LiveContent& Evaluator::live_content() { return state_->live; }

void Evaluator::Change(const Node& node, std::unique_ptr<RuleMatcher> matcher) {
  state_->node = &node;
  state_->matcher = matcher != nullptr ? std::move(matcher) : MakeLinearMatcher(node);
  ++state_->generation;
  state_->owner_of.clear();
  state_->live_use.clear();
  for (const Interface& interface : node.interfaces) {
    const auto next = static_cast<uint16_t>(state_->owners.size());
    state_->owner_of.push_back(state_->owners.try_emplace(interface.name, next).first->second);
    state_->live_use.push_back(LiveUseOf(interface));
  }
}

Judgement Evaluator::Judge(const Frame& frame) {
  const Node& node = *state_->node;
  if (!IsBound(node, frame.device)) return OnDevice(Verdict::kPass, PM_REASON_UNBOUND);

  // On receive no tag travels beside the frame, and nothing is segmented.
  const bool sent = frame.direction == Direction::kOut;
  const std::optional<LinkHeader> link =
      DecodeLink(frame.data, sent ? frame.metadata_tag : std::nullopt);
  if (!link) return OnDevice(Verdict::kDrop, PM_REASON_MALFORMED);
  const std::optional<size_t> index = SelectInterface(node, frame.device, link->vlan);
  if (!index) return OnDevice(Verdict::kDrop, PM_REASON_VLAN);

  const std::optional<Family> family = FamilyOf(link->ethertype);
  if (!family) {
    return OnInterface(node, *index, JudgeEthertype(node.interfaces[*index], link->ethertype));
  }
  std::optional<pm_packet> packet = DecodePacket(*family, link->payload, sent && frame.segmented);
  if (!packet) {
    return OnInterface(node, *index, {.verdict = Verdict::kDrop, .reason = PM_REASON_MALFORMED});
  }
  packet->tuple.interface = state_->owner_of[*index];
  if (packet->embedded.family != 0) packet->embedded.interface = state_->owner_of[*index];
  const Decision decision = packet->fragment == PM_LATER
                                ? state_->JudgeLater(frame, *index, *packet)
                                : state_->JudgePacket(frame, *index, *packet);
  return OnInterface(node, *index, decision);
}

Judgement Evaluator::JudgeOpening(size_t interface, Direction direction,
                                  const pm_packet& packet) const {
  const Decision decision = packet.fragment == PM_LATER
                                ? Decision{.reason = PM_REASON_FRAGMENT}
                                : Judging(state_->At(interface, direction)).Decide(packet);
  return OnInterface(*state_->node, interface, decision);
}

std::optional<uint16_t> Evaluator::OwnerOf(std::string_view interface) const {
  const auto found = state_->owners.find(interface);
  if (found == state_->owners.end()) return std::nullopt;
  return found->second;
}

size_t Evaluator::conversations() const { return state_->conversations.size(); }

bool Evaluator::HasConversation(const pm_tuple& opening, uint64_t time) const {
  return state_->conversations.IsLive(opening, time);
}

}  // namespace portmatrix
