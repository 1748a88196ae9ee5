// SPDX-License-Identifier: Apache-2.0
// The numbered steps by which a whole packet or first fragment is judged (bpf/README.md,
// "Judging"), for one packet on one interface in one generation.
#ifndef PORTMATRIX_AGENT_POLICY_JUDGING_H_
#define PORTMATRIX_AGENT_POLICY_JUDGING_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

#include "agent/policy/conversations.h"
#include "agent/policy/evaluator.h"
#include "agent/policy/model.h"
#include "maps/layout.h"

namespace portmatrix {

// A verdict before audit is thought of.
struct Decision {
  Verdict verdict = Verdict::kDrop;
  pm_reason reason = PM_REASON_INTERNAL;
  const Rule* rule = nullptr;  // with reasons `rule` and `reply`, else null
};

// Do active rules of an interface depend on live sets?
struct LiveUse {
  bool in = false;
  bool out = false;
};

// By what a packet is judged beside its own facts.
struct Circumstances {
  // What is known of earlier packets, and what this one may add to it.
  enum class Memory : uint8_t {
    kFull,
    kReadOnly,  // a first fragment judged again: it makes no conversation and answers in none
    kNone,      // expectations: answers do not pass at all
  };

  const Node* node = nullptr;
  const Interface* interface = nullptr;
  size_t interface_index = 0;
  const RuleMatcher* matcher = nullptr;
  Direction direction = Direction::kIn;
  uint64_t generation = 0;
  uint64_t now = 0;
  Memory memory = Memory::kNone;
  const LiveContent* live = nullptr;  // null: all live sets are empty
  LiveUse live_use = {};
  Conversations* conversations = nullptr;                // null with kNone
  const Evaluator::SocketLookup* established = nullptr;  // null with kNone
};

class Judging {
 public:
  explicit Judging(const Circumstances& circumstances) : at_(circumstances) {}

  // `packet` is not a later fragment, and its tuples name the interface.
  Decision Decide(const pm_packet& packet) const;

 private:
  bool IsNeighbour(const pm_packet& packet) const;
  bool IsDhcp(const pm_packet& packet) const;
  bool IsSpoofed(const pm_packet& packet) const;
  // Conversations and answers: nothing if the packet is none.
  std::optional<Decision> AnswerIn(const pm_packet& packet) const;
  std::optional<Decision> AnswerOut(const RuleMatch& reverse) const;
  std::optional<Decision> ErrorIn(const pm_packet& packet) const;
  std::optional<Decision> ErrorOut(const pm_packet& packet) const;
  void Remember(const pm_packet& packet, const RuleMatch& match, const RuleMatch& reverse) const;

  RuleMatch In(const pm_tuple& tuple) const { return Find(Direction::kIn, tuple); }
  RuleMatch Out(const pm_tuple& tuple) const { return Find(Direction::kOut, tuple); }
  RuleMatch Find(Direction direction, const pm_tuple& tuple) const;
  const Rule* ConversationOf(const pm_tuple& opening) const;
  // The `out` rule that allows the host's side of an established socket; null if there is no such
  // socket or rule.
  const Rule* SocketRule(const pm_tuple& incoming, const pm_tuple& outgoing) const;

  Circumstances at_;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_JUDGING_H_
