// SPDX-License-Identifier: Apache-2.0
// The reference evaluator: the written meaning of a policy. It reads raw frames, is plain and slow,
// keeps conversations and fragments in ordinary containers that never evict, and is what compiler
// and kernel program are compared with.
#ifndef PORTMATRIX_AGENT_POLICY_EVALUATOR_H_
#define PORTMATRIX_AGENT_POLICY_EVALUATOR_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "agent/policy/live_content.h"
#include "agent/policy/model.h"
#include "maps/layout.h"

namespace portmatrix {

// What one direction of one interface's rules say of a tuple, failsafe entries first for `in`.
struct RuleMatch {
  pm_action action = PM_ACTION_NONE;
  const Rule* rule = nullptr;  // with allow and deny
};

// The stage that finds the first matching rule. The evaluator's own walks the rules; tests put the
// compiled image's lookup here to compare whole judgements.
class RuleMatcher {
 public:
  virtual ~RuleMatcher() = default;
  // `live`: the live sets of the node that hold the tuple's addresses.
  virtual RuleMatch Find(size_t interface, Direction direction, const pm_tuple& tuple,
                         LiveMembership live) const = 0;
};

// Walks `node`'s rules one by one; `node` must outlive it.
std::unique_ptr<RuleMatcher> MakeLinearMatcher(const Node& node);

// A frame at a hook. `data` begins with the Ethernet header.
struct Frame {
  std::string device = {};
  Direction direction = Direction::kIn;
  std::span<const uint8_t> data = {};
  // VLAN tag that travels beside the frame (send hook only): TPID << 16 | TCI.
  std::optional<uint32_t> metadata_tag = {};
  // Send hook: the packet is a segmented super-packet (GSO); lengths come from the buffer.
  bool segmented = false;
  uint64_t time = 0;  // nanoseconds; does not go back
};

struct Judgement {
  Verdict verdict = Verdict::kDrop;  // the packet's fate, audit included
  pm_reason reason = PM_REASON_INTERNAL;
  const Rule* rule = nullptr;  // with reasons `rule` and `reply`, else null
  bool audited = false;        // would have dropped
  // Where it counts: an index into node.interfaces, or none: under the device.
  std::optional<size_t> interface = {};
};

class Evaluator {
 public:
  // Is the connection of this tuple (as an `in` packet carries it) an established TCP socket of
  // this host?
  using SocketLookup = std::function<bool(const pm_tuple& incoming)>;

  // `node` must outlive the evaluator (until the next Change). Without a matcher it uses the linear
  // one.
  explicit Evaluator(const Node& node, std::unique_ptr<RuleMatcher> matcher = nullptr);
  ~Evaluator();
  Evaluator(const Evaluator&) = delete;
  Evaluator& operator=(const Evaluator&) = delete;
  Evaluator(Evaluator&&) noexcept;
  Evaluator& operator=(Evaluator&&) noexcept;

  void set_socket_lookup(SocketLookup lookup);
  // What live sets hold. A change counts from the next packet on, for conversations and fragments
  // too: where rules of an interface name live sets, these are judged again with each packet.
  LiveContent& live_content();
  // Another generation judges from now on; conversations, fragments and the content of live sets
  // stay, and the first two are judged again when they are met. Interfaces and live sets keep their
  // identity by name.
  void Change(const Node& node, std::unique_ptr<RuleMatcher> matcher = nullptr);

  Judgement Judge(const Frame& frame);
  // For expectations: a packet by its facts on an interface, with no conversation, socket or
  // fragment known and all live sets empty. Answers, to `in` rules and failsafe entries too, do not count as such. Audit is
  // included as in Judge.
  Judgement JudgeOpening(size_t interface, Direction direction, const pm_packet& packet) const;

  size_t conversations() const;  // entries, expired ones included
  // Is a conversation of this opening tuple live? Its interface field holds the number that OwnerOf
  // gives.
  bool HasConversation(const pm_tuple& opening, uint64_t time) const;
  // The number by which tuples name a policy interface, the same in every generation of this
  // evaluator.
  std::optional<uint16_t> OwnerOf(std::string_view interface) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_EVALUATOR_H_
