// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/proof.h"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "agent/policy/first_match.h"
#include "agent/policy/live_bounds.h"
#include "agent/policy/match_intersection.h"
#include "agent/policy/outside.h"
#include "agent/policy/tuple.h"

namespace portmatrix {
namespace {

using Outcome = Proof::Outcome;

// What becomes of packets that a match is the first to match.
struct Fate {
  enum class Kind : uint8_t { kNotMeant, kDhcp, kSpoofed, kFailsafe, kRule, kPerhaps };
  Kind kind = Kind::kNotMeant;
  const Rule* rule = nullptr;  // with kRule, and with kPerhaps: if its dynamic sets say so
};

struct Judge {
  PooledMatch match;
  Fate fate;
  PooledMatch most;  // of rules over dynamic sets: what they may match
};

class Hearing {
 public:
  Hearing(const Interface& interface, Direction direction, const Claim& claim)
      : interface_(interface), direction_(direction), claim_(claim) {}

  Proof proof() const { return proof_; }
  bool asked() const { return asked_; }

  // The packets of `match` in one direction. False: no need to go on.
  bool Run(const Match& match, const std::vector<const Match*>& not_meant,
           const std::vector<Judge>& judges, AddressPool& pool, WorkBudget& budget) {
    const PooledMatch meant = Pooled(match, pool);
    const bool some_live =
        std::ranges::any_of(judges, [](const Judge& judge) { return judge.most.match != nullptr; });
    return Ask(meant, not_meant, judges, false, pool, budget) &&
           (!some_live || Ask(meant, not_meant, judges, true, pool, budget));
  }

 private:
  // With `live`, rules over dynamic sets that would decide otherwise may match all that they can.
  bool Ask(const PooledMatch& meant, const std::vector<const Match*>& not_meant,
           const std::vector<Judge>& judges, bool live, AddressPool& pool, WorkBudget& budget) {
    std::vector<PooledMatch> others;
    std::vector<Fate> fates;
    const auto add = [&](const PooledMatch& other, const Fate& fate) {
      if (budget.used_up() || !Overlap(meant, other, pool, budget)) return;
      others.push_back(other);
      fates.push_back(fate);
    };
    for (const Match* exception : not_meant) add(Pooled(*exception, pool), Fate{});
    for (const Judge& judge : judges) {
      add(judge.match, judge.fate);
      if (!live || judge.most.match == nullptr) continue;
      if (Holds(VerdictOf(*judge.fate.rule), judge.fate.rule)) continue;
      add(judge.most, {Fate::Kind::kPerhaps, judge.fate.rule});
    }
    const bool default_holds = Holds(interface_.default_verdict, nullptr);
    const Visited visited =
        VisitFirstMatches(meant, others, !default_holds, pool, budget, [&](const FirstMatch& met) {
          if (Stands(met, fates)) return true;
          if (proof_.outcome != Outcome::kDepends) {
            proof_ = {Outcome::kFails, met.sample, direction_, nullptr};
          }
          return false;
        });
    if (visited == Visited::kUndecided) proof_.outcome = Outcome::kUndecided;
    return visited == Visited::kAll;
  }

  static Verdict VerdictOf(const Rule& rule) {
    return rule.action == Action::kAllow ? Verdict::kPass : Verdict::kDrop;
  }

  bool Holds(Verdict verdict, const Rule* rule) const {
    if (verdict != claim_.verdict) return false;
    return !claim_.rule || (rule != nullptr && rule->key == *claim_.rule);
  }

  // Do the packets fare as the claim says?
  bool Stands(const FirstMatch& met, const std::vector<Fate>& fates) {
    if (!met.index) return Spoofed(met) || Asked(interface_.default_verdict, nullptr);
    const Fate& fate = fates[*met.index];
    switch (fate.kind) {
      case Fate::Kind::kNotMeant:
        return true;
      case Fate::Kind::kSpoofed:
        if (Holds(Verdict::kDrop, nullptr)) asked_ = true;
        return true;
      case Fate::Kind::kDhcp:
        return Asked(Verdict::kPass, nullptr);
      case Fate::Kind::kFailsafe:
        return Spoofed(met) || Asked(Verdict::kPass, nullptr);
      case Fate::Kind::kRule:
        return Spoofed(met) || Asked(VerdictOf(*fate.rule), fate.rule);
      case Fate::Kind::kPerhaps:
        if (Spoofed(met)) return true;
        asked_ = true;
        proof_ = {Outcome::kDepends, met.sample, direction_, fate.rule};
        return false;
    }
    return false;
  }

  bool Asked(Verdict verdict, const Rule* rule) {
    asked_ = true;
    return Holds(verdict, rule);
  }

  // Only packets that come from where they go; the class has no others.
  bool Spoofed(const FirstMatch& met) {
    if (direction_ == Direction::kOut || TupleSource(met.sample) != TupleDestination(met.sample)) {
      return false;
    }
    if (Holds(Verdict::kDrop, nullptr)) asked_ = true;
    return true;
  }

  const Interface& interface_;
  const Direction direction_;
  const Claim& claim_;
  Proof proof_;
  bool asked_ = false;
};

}  // namespace

struct Prover::State {
  const Node& node;
  AddressPool pool;
  std::deque<Match> kept;  // what the pool's sets stand in beside the node
  std::deque<Claim> claims;
  std::map<std::pair<size_t, Direction>, std::vector<Judge>> courts;

  const Match& Keep(Match match) { return kept.emplace_back(std::move(match)); }

  // By what the interface judges a direction, in order.
  const std::vector<Judge>& CourtOf(size_t index, Direction direction) {
    const auto [known, added] = courts.try_emplace({index, direction});
    std::vector<Judge>& judges = known->second;
    if (!added) return judges;
    const Interface& interface = node.interfaces[index];
    for (EarlyStep& step : StepsBeforeRules(interface, direction)) {
      judges.push_back({Pooled(Keep(std::move(step.match)), pool),
                        {step.reason == PM_REASON_DHCP ? Fate::Kind::kDhcp : Fate::Kind::kSpoofed},
                        {}});
    }
    if (direction == Direction::kIn) {
      for (const FailsafeEntry& entry : node.failsafe) {
        judges.push_back({Pooled(entry.match, pool), {Fate::Kind::kFailsafe}, {}});
      }
    }
    for (const Rule& rule : interface.rules) {
      if (rule.direction != direction || rule.state != RuleState::kActive) continue;
      judges.push_back({Pooled(rule.match, pool), {Fate::Kind::kRule, &rule}, {}});
      if (rule.match.is_live()) judges.back().most = Pooled(Keep(AtMost(rule.match)), pool);
    }
    return judges;
  }
};

Prover::Prover(const Node& node) : state_(new State{node, {}, {}, {}, {}}) {}
Prover::~Prover() = default;

Proof Prover::Prove(size_t index, const Claim& claim, WorkBudget& budget) {
  // The pool refers to its sets, and outlives what the caller may throw away.
  const Claim& kept = state_->claims.emplace_back(claim);
  const Interface& interface = state_->node.interfaces[index];
  Match to_local;
  to_local.from = AddressSet::Any();
  to_local.to = interface.local;
  to_local.any_protocol = true;
  const Match& local = state_->Keep(std::move(to_local));
  std::vector<const Match*> not_meant;
  for (const Match& exception : kept.except) not_meant.push_back(&exception);

  bool asked = false;
  if (auto incoming = Intersection(kept.match, local)) {
    Hearing hearing(interface, Direction::kIn, kept);
    if (!hearing.Run(state_->Keep(std::move(*incoming)), not_meant,
                     state_->CourtOf(index, Direction::kIn), state_->pool, budget)) {
      return hearing.proof();
    }
    asked |= hearing.asked();
  }
  not_meant.push_back(&local);
  Hearing hearing(interface, Direction::kOut, kept);
  if (!hearing.Run(kept.match, not_meant, state_->CourtOf(index, Direction::kOut), state_->pool,
                   budget)) {
    return hearing.proof();
  }
  asked |= hearing.asked();
  Proof proof;
  if (!asked) proof.outcome = Outcome::kEmpty;
  return proof;
}

}  // namespace portmatrix
