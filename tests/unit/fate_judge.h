// SPDX-License-Identifier: Apache-2.0
// The reference evaluator's word on single packets, in the terms of fates: what a difference is
// held against.
#ifndef PORTMATRIX_TESTS_UNIT_FATE_JUDGE_H_
#define PORTMATRIX_TESTS_UNIT_FATE_JUDGE_H_

#include <algorithm>
#include <memory>
#include <string>

#include "agent/policy/conversations.h"
#include "agent/policy/evaluator.h"
#include "agent/policy/fate.h"
#include "agent/policy/judging.h"
#include "agent/policy/live_content.h"
#include "agent/policy/protocol.h"
#include "agent/policy/service_reader.h"
#include "agent/policy/tuple.h"
#include "tests/support/packet_text.h"

namespace portmatrix {

// An opening packet where the protocol has one, else one that opens nothing, or such an answer.
inline pm_packet PacketOf(const pm_tuple& tuple, bool answer) {
  pm_packet packet = {};
  packet.tuple = tuple;
  packet.hop_limit = 64;
  if (tuple.protocol == protocol::kTcp) packet.tcp_flags = answer ? PM_TCP_ACK : PM_TCP_SYN;
  packet.opening = !answer && (tuple.protocol == protocol::kTcp ||
                               tuple.protocol == protocol::kSctp || IsEchoRequest(tuple));
  return packet;
}

inline std::string TextOf(const pm_tuple& tuple) {
  return ToString(TupleSource(tuple)) + " > " + ToString(TupleDestination(tuple)) + " " +
         Describe(PacketOf(tuple, true));
}

// What the evaluator says of one packet, as a fate. Audit is not counted.
inline Fate FateOf(const Decision& decision) {
  return {.verdict = decision.verdict, .reason = decision.reason, .rule = decision.rule};
}

// Judges packets of one policy on an interface; nothing passes where it has none.
class Judge {
 public:
  Judge(const Node& node, const std::string& name, const LiveContent& live)
      : matcher_(MakeLinearMatcher(node)) {
    at_.node = &node;
    at_.live = &live;
    at_.live_use = {true, true};
    const auto found = std::ranges::find(node.interfaces, name, &Interface::name);
    if (found == node.interfaces.end()) return;
    at_.interface = &*found;
    at_.interface_index = static_cast<size_t>(found - node.interfaces.begin());
    at_.matcher = matcher_.get();
  }

  Fate Opening(Direction direction, const pm_tuple& tuple) const {
    if (at_.interface == nullptr) return {.judged = false};
    Circumstances at = at_;
    at.direction = direction;
    return FateOf(Judging(at).Decide(PacketOf(tuple, false)));
  }

  // With the conversation open, if the host may open it.
  Fate Answer(Direction direction, const pm_tuple& tuple) const {
    if (at_.interface == nullptr) return {.judged = false};
    Conversations conversations;
    const Evaluator::SocketLookup none;
    Circumstances at = at_;
    at.conversations = &conversations;
    at.established = &none;
    const auto reversed = Reversed(tuple);
    if (direction == Direction::kIn && reversed) {
      at.direction = Direction::kOut;
      at.memory = Circumstances::Memory::kFull;
      (void)Judging(at).Decide(PacketOf(*reversed, false));
    }
    at.direction = direction;
    at.memory = Circumstances::Memory::kReadOnly;
    return FateOf(Judging(at).Decide(PacketOf(tuple, true)));
  }

 private:
  std::unique_ptr<RuleMatcher> matcher_;
  Circumstances at_;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_TESTS_UNIT_FATE_JUDGE_H_
