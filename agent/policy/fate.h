// SPDX-License-Identifier: Apache-2.0
// What becomes of a packet on an interface, as far as its addresses and ports
// decide: the steps of bpf/README.md, "Judging", as a list of which the first
// that matches decides.
//
// An *opening* packet has the fate that an expectation gives it: DHCP's
// exchange, spoofed sources, failsafe entries, rules, default; hop limit 64 (so
// that it is no neighbour message), nothing known before it, audit not counted.
// An *answer* is a packet that opens nothing, in a conversation that the other
// side could open: where its own steps do not let it pass, it passes if a rule
// or failsafe entry of the other direction allows the packet that it answers.
// ICMP errors and fragments go with the packets that they belong to.
#ifndef PORTMATRIX_AGENT_POLICY_FATE_H_
#define PORTMATRIX_AGENT_POLICY_FATE_H_

#include <deque>
#include <string>
#include <vector>

#include "agent/policy/model.h"
#include "maps/layout.h"

namespace portmatrix {

struct Fate {
  Verdict verdict = Verdict::kDrop;
  pm_reason reason = PM_REASON_DEFAULT;
  const Rule* rule = nullptr;  // with reasons `rule` and `reply`
  bool judged = true;          // false: the node has no such interface, and nothing passes there
};

// "drop (default)", "allow by external/external/sip-tls-in", "drop by ...
// (reply)", "-"
std::string ToString(const Fate& fate);

struct FateStep {
  const Match* match = nullptr;
  Fate fate;
};

// The steps of one direction, in the order in which they are asked.
class FateSteps {
 public:
  FateSteps(FateSteps&&) = default;
  FateSteps& operator=(FateSteps&&) = default;

  // For opening packets; the last step matches everything. `interface` is one
  // of `node`'s (both must outlive it), or null: the node has none. Sources in
  // `spoofed` drop; in what else would be spoofed (always: loopback, multicast,
  // broadcast, a packet from its own destination) no difference is made.
  static FateSteps Opening(const Node& node, const Interface* interface, Direction direction,
                           const AddressSet& spoofed);
  // What opens conversations in `direction`: failsafe entries and rules. Where
  // no step matches, nothing does.
  static FateSteps Allowing(const Node& node, const Interface* interface, Direction direction);
  // The same steps for the answers to the packets that they match.
  FateSteps Reversed() const;

  const std::vector<FateStep>& steps() const { return steps_; }

 private:
  FateSteps() = default;
  void Add(const Match& match, const Fate& fate) { steps_.push_back({&match, fate}); }
  void AddOwn(Match match, const Fate& fate);
  void AddReversed(const Match& match, const Fate& fate);

  std::deque<Match> own_;  // that stand in no policy
  std::vector<FateStep> steps_;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_FATE_H_
