// SPDX-License-Identifier: Apache-2.0
// Claims are proved, not sampled: the packets of a claim are cut into classes by the steps and
// rules that judge them, and every class is asked.
//
// A claim means every packet of its `match` that none of its exceptions matches: opening packets
// with nothing known before them, from every source port where none is written, of every ICMP type
// where none is, with hop limit 64. Each goes the way of a single packet: `in` where its
// destination is local to the interface, else `out`. It holds if each of them gets the verdict, and
// is decided by the rule if one is named.
//
// Sources that cannot come from outside (the interface's own, loopback, multicast, broadcast, the
// packet's own destination) drop as spoofed whatever the rules say. So they are not asked about
// where the claim is `allow` or names a rule: `any` is anybody who can be there.
//
// What a dynamic set holds is not known. A claim must hold while all are empty, and no rule over
// one may ever decide a packet of it otherwise; where one may, that is the outcome.
#ifndef PORTMATRIX_AGENT_POLICY_PROOF_H_
#define PORTMATRIX_AGENT_POLICY_PROOF_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "agent/policy/claim.h"
#include "agent/policy/model.h"
#include "agent/policy/work_budget.h"
#include "maps/layout.h"

namespace portmatrix {

struct Proof {
  enum class Outcome : uint8_t {
    kHolds,
    kFails,
    kEmpty,      // the claim means no packet
    kDepends,    // on what a dynamic set of `rule` holds
    kUndecided,  // the budget is used up
  };
  Outcome outcome = Outcome::kHolds;
  // With kFails: one packet of the claim that fares otherwise.
  pm_tuple packet = {};
  Direction direction = Direction::kIn;
  const Rule* rule = nullptr;  // with kDepends
};

class Prover {
 public:
  explicit Prover(const Node& node);  // which must outlive it
  ~Prover();
  Prover(const Prover&) = delete;
  Prover& operator=(const Prover&) = delete;

  // `claim` is about the interface of that index.
  Proof Prove(size_t index, const Claim& claim, WorkBudget& budget);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_PROOF_H_
