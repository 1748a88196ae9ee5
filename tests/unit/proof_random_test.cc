// SPDX-License-Identifier: Apache-2.0
// Proofs against the evaluator, on random policies and claims: one that holds has no
// counter-example among thousands of packets at the edges, and each counter-example is one.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "agent/policy/evaluator.h"
#include "agent/policy/expect.h"
#include "agent/policy/proof.h"
#include "agent/policy/tuple.h"
#include "agent/policy/tuple_text.h"
#include "tests/support/policy_edges.h"
#include "tests/support/random_policy.h"

namespace portmatrix {
namespace {

constexpr uint64_t kPolicies = 300;
constexpr int kClaims = 12;
constexpr int kPackets = 1500;
constexpr size_t kPlenty = 500'000'000;

Claim RandomClaim(Random& random, const Node& node, const Interface& interface) {
  Claim claim;
  claim.interface = interface.name;
  claim.verdict = random.Percent(50) ? Verdict::kPass : Verdict::kDrop;
  if (!interface.rules.empty() && random.Percent(75)) {
    // About what a rule decides, mostly: much of it holds.
    const Rule& rule = random.From(interface.rules);
    claim.match = rule.match;
    claim.verdict = rule.action == Action::kAllow ? Verdict::kPass : Verdict::kDrop;
    if (random.Percent(30)) claim.rule = rule.key;
    if (random.Percent(50)) claim.match.from = RandomAddresses(random, 2);
    if (random.Percent(30)) claim.match.to = interface.local;
    for (const Rule& before : interface.rules) {
      if (&before == &rule || claim.except.size() > 6) break;
      if (random.Percent(80)) claim.except.push_back(before.match);
    }
    if (random.Percent(50)) {
      for (const FailsafeEntry& entry : node.failsafe) claim.except.push_back(entry.match);
    }
  } else {
    claim.match = RandomMatch(random);
    if (random.Percent(60)) claim.match.to = interface.local;
    while (random.Percent(40)) claim.except.push_back(RandomMatch(random));
  }
  if (random.Percent(10)) claim.match.from = interface.local;
  return claim;
}

pm_tuple TupleNear(Random& random, const PolicyEdges& edges, const Match& match) {
  const Family family = random.Percent(50) ? Family::kIpv4 : Family::kIpv6;
  const uint8_t protocol = match.any_protocol ? random.Pick<uint8_t>({1, 6, 17, 47, 58, 132})
                                              : random.From(match.protocols);
  pm_tuple tuple = MakeTuple(edges.AddressNear(random, match.from, family),
                             edges.AddressNear(random, match.to, family), protocol);
  if (protocol == 1 || protocol == 58) {
    tuple.destination_port =
        static_cast<uint16_t>(match.icmp_type.value_or(random.Byte()) << 8 |
                              match.icmp_code.value_or(random.Pick<uint8_t>({0, 1, 3})));
  } else if (protocol == 6 || protocol == 17 || protocol == 132) {
    tuple.destination_port = edges.PortNear(random, match.ports);
    tuple.source_port = edges.PortNear(random, match.source_ports);
  }
  return tuple;
}

bool IsMeant(const Claim& claim, const pm_tuple& tuple) {
  if (tuple.protocol == (tuple.family == 4 ? 58 : 1) || !claim.match.Matches(tuple)) return false;
  return std::ranges::none_of(claim.except,
                              [&](const Match& except) { return except.Matches(tuple); });
}

// Does the packet fare as the claim says? Nothing if the claim does not ask about it.
std::optional<bool> Fares(const Claim& claim, const Evaluator& evaluator, size_t index,
                          Direction direction, const pm_tuple& tuple) {
  Judgement judgement = evaluator.JudgeOpening(index, direction, OpeningPacket(tuple));
  if (judgement.audited) judgement.verdict = Verdict::kDrop;
  const bool spoofed = judgement.reason == PM_REASON_SPOOFED;
  if (spoofed && (claim.verdict == Verdict::kPass || claim.rule)) return std::nullopt;
  if (judgement.verdict != claim.verdict) return false;
  return !claim.rule || (judgement.rule != nullptr && judgement.rule->key == *claim.rule);
}

TEST(RandomProof, AgreesWithTheEvaluator) {
  size_t outcomes[4] = {};
  for (uint64_t seed = 0; seed < kPolicies && !HasFatalFailure(); ++seed) {
    Random random(seed);
    const Node node = RandomNode(random);
    const Evaluator evaluator(node);
    const PolicyEdges edges(node);
    Prover prover(node);
    for (int i = 0; i < kClaims && !HasFatalFailure(); ++i) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << ", claim " << i);
      const size_t index = random.Below(node.interfaces.size());
      const Interface& interface = node.interfaces[index];
      const Claim claim = RandomClaim(random, node, interface);
      WorkBudget budget(kPlenty);
      const Proof proof = prover.Prove(index, claim, budget);
      ++outcomes[static_cast<size_t>(proof.outcome)];
      ASSERT_NE(proof.outcome, Proof::Outcome::kUndecided);
      if (proof.outcome == Proof::Outcome::kFails) {
        SCOPED_TRACE(TupleText(proof.packet));
        ASSERT_TRUE(IsMeant(claim, proof.packet));
        ASSERT_EQ(proof.direction, DirectionOf(interface, TupleDestination(proof.packet)));
        ASSERT_EQ(Fares(claim, evaluator, index, proof.direction, proof.packet), false);
        continue;
      }
      for (int packet = 0; packet < kPackets; ++packet) {
        const pm_tuple tuple = TupleNear(random, edges, claim.match);
        if (!IsMeant(claim, tuple)) continue;
        const Direction direction = DirectionOf(interface, TupleDestination(tuple));
        const auto fares = Fares(claim, evaluator, index, direction, tuple);
        SCOPED_TRACE(TupleText(tuple));
        if (proof.outcome == Proof::Outcome::kEmpty) {
          ASSERT_EQ(fares, std::nullopt);
        } else {
          ASSERT_NE(fares, false);
        }
      }
    }
  }
  EXPECT_GT(outcomes[static_cast<size_t>(Proof::Outcome::kHolds)], 500u);
  EXPECT_GT(outcomes[static_cast<size_t>(Proof::Outcome::kFails)], 500u);
  EXPECT_GT(outcomes[static_cast<size_t>(Proof::Outcome::kEmpty)], 50u);
}

TEST(Proof, IsUndecidedWithoutBudget) {
  Random random(1);
  const Node node = RandomNode(random);
  Claim claim;
  claim.match.from = claim.match.to = AddressSet::Any();
  claim.match.any_protocol = true;
  WorkBudget budget(1);
  EXPECT_EQ(Prover(node).Prove(0, claim, budget).outcome, Proof::Outcome::kUndecided);
}

}  // namespace
}  // namespace portmatrix
