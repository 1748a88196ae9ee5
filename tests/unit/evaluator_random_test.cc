// SPDX-License-Identifier: Apache-2.0
// What holds of every judgement, on random policies, changes and frames; and that the generators
// reach everything.
#include <gtest/gtest.h>

#include <map>
#include <memory>

#include "agent/policy/evaluator.h"
#include "tests/support/judgement_text.h"
#include "tests/support/random_frame.h"
#include "tests/support/random_policy.h"

namespace portmatrix {
namespace {

constexpr uint64_t kPolicies = 60;
constexpr int kFrames = 1500;
constexpr int kGenerationFrames = 500;

Frame FrameOf(const GeneratedFrame& generated) {
  return {.device = generated.device,
          .direction = generated.direction,
          .data = generated.bytes,
          .segmented = generated.segmented,
          .time = generated.time};
}

// Policies that follow each other, each mutated from the one before.
std::vector<std::unique_ptr<Node>> Generations(uint64_t seed) {
  Random random(seed);
  std::vector<std::unique_ptr<Node>> nodes;
  nodes.push_back(std::make_unique<Node>(RandomNode(random)));
  while (nodes.size() < kFrames / kGenerationFrames) {
    nodes.push_back(std::make_unique<Node>(Mutate(*nodes.back(), random)));
  }
  return nodes;
}

// Calls `check` with every frame, after `change` with every generation but the first.
template <typename Change, typename Check>
void ForEachFrame(const std::vector<std::unique_ptr<Node>>& nodes, uint64_t seed, Change change,
                  Check check) {
  FrameGenerator generator(*nodes[0], seed);
  for (int i = 0; i < kFrames; ++i) {
    if (i > 0 && i % kGenerationFrames == 0) {
      const auto generation = static_cast<size_t>(i / kGenerationFrames);
      generator.Retarget(*nodes[generation]);
      change(generation);
    }
    check(generator.Next());
  }
}

bool AlwaysDrops(pm_reason reason) {
  return reason == PM_REASON_MALFORMED || reason == PM_REASON_VLAN || reason == PM_REASON_SPOOFED ||
         reason == PM_REASON_FRAGMENT;
}

bool AlwaysPasses(pm_reason reason) {
  return reason == PM_REASON_REPLY || reason == PM_REASON_FAILSAFE ||
         reason == PM_REASON_NEIGHBOUR || reason == PM_REASON_DHCP || reason == PM_REASON_UNBOUND;
}

void ExpectConsistent(const Judgement& judgement, Direction direction) {
  SCOPED_TRACE(Describe(judgement));
  const bool would_pass = judgement.verdict == Verdict::kPass && !judgement.audited;
  EXPECT_NE(judgement.reason, PM_REASON_INTERNAL);
  if (AlwaysDrops(judgement.reason)) {
    EXPECT_FALSE(would_pass);
  }
  if (AlwaysPasses(judgement.reason)) {
    EXPECT_TRUE(would_pass);
  }
  if (judgement.reason == PM_REASON_SPOOFED) {
    EXPECT_EQ(direction, Direction::kIn);
  }
  if (judgement.audited) {
    EXPECT_EQ(judgement.verdict, Verdict::kPass);
    EXPECT_TRUE(judgement.interface.has_value());
  }

  const bool by_rule = judgement.reason == PM_REASON_RULE || judgement.reason == PM_REASON_REPLY;
  ASSERT_EQ(judgement.rule != nullptr, by_rule);
  if (!by_rule) return;
  EXPECT_EQ(judgement.rule->state, RuleState::kActive);
  EXPECT_EQ(judgement.rule->action, would_pass ? Action::kAllow : Action::kDeny);
  // Replies travel the other way, but for ICMP errors about them.
  if (judgement.reason == PM_REASON_RULE) {
    EXPECT_EQ(judgement.rule->direction, direction);
  }
}

TEST(RandomJudgements, AreConsistent) {
  for (uint64_t seed = 0; seed < kPolicies; ++seed) {
    const auto nodes = Generations(seed);
    Evaluator evaluator(*nodes[0]);
    ForEachFrame(
        nodes, seed, [&](size_t generation) { evaluator.Change(*nodes[generation]); },
        [&](const GeneratedFrame& frame) {
          const size_t before = evaluator.conversations();
          ExpectConsistent(evaluator.Judge(FrameOf(frame)), frame.direction);
          // Nothing that outside sends makes a conversation.
          if (frame.direction == Direction::kIn) {
            EXPECT_LE(evaluator.conversations(), before);
          }
        });
    if (HasFailure()) FAIL() << "policy seed " << seed;
  }
}

TEST(RandomJudgements, AuditChangesNothingButTheFate) {
  for (uint64_t seed = 0; seed < kPolicies; ++seed) {
    const auto enforced = Generations(seed);
    const auto audited = Generations(seed);
    for (const auto& node : enforced) {
      for (Interface& interface : node->interfaces) interface.mode = Mode::kEnforce;
    }
    for (const auto& node : audited) {
      for (Interface& interface : node->interfaces) interface.mode = Mode::kAudit;
    }
    Evaluator enforcer(*enforced[0]);
    Evaluator auditor(*audited[0]);
    ForEachFrame(
        enforced, seed,
        [&](size_t generation) {
          enforcer.Change(*enforced[generation]);
          auditor.Change(*audited[generation]);
        },
        [&](const GeneratedFrame& frame) {
          const Judgement strict = enforcer.Judge(FrameOf(frame));
          const Judgement mild = auditor.Judge(FrameOf(frame));
          const std::string fate = Describe(strict);
          const bool spared = strict.verdict == Verdict::kDrop && strict.interface;
          EXPECT_EQ(Describe(mild), spared ? "pass" + fate.substr(4) + " audited" : fate);
        });
    if (HasFailure()) FAIL() << "policy seed " << seed;
  }
}

TEST(RandomJudgements, NothingIsAllowedWhereNoRuleAllows) {
  for (uint64_t seed = 0; seed < kPolicies; ++seed) {
    const auto nodes = Generations(seed);
    for (const auto& node : nodes) {
      node->failsafe.clear();
      for (Interface& interface : node->interfaces) {
        interface.mode = Mode::kEnforce;
        interface.default_verdict = Verdict::kDrop;
        interface.dhcp_client = false;
        for (Rule& rule : interface.rules) rule.action = Action::kDeny;
      }
    }
    Evaluator evaluator(*nodes[0]);
    evaluator.set_socket_lookup([](const pm_tuple&) { return true; });
    ForEachFrame(
        nodes, seed, [&](size_t generation) { evaluator.Change(*nodes[generation]); },
        [&](const GeneratedFrame& frame) {
          const Judgement judgement = evaluator.Judge(FrameOf(frame));
          if (judgement.verdict == Verdict::kDrop) return;
          EXPECT_TRUE(judgement.reason == PM_REASON_NEIGHBOUR ||
                      judgement.reason == PM_REASON_ETHERTYPE ||
                      judgement.reason == PM_REASON_UNBOUND)
              << Describe(judgement);
        });
    if (HasFailure()) FAIL() << "policy seed " << seed;
  }
}

TEST(RandomFrames, ReachEveryReasonAndMostlyMeetRules) {
  std::map<std::pair<pm_reason, Direction>, size_t> seen;
  size_t frames = 0;
  size_t by_rules = 0;
  for (uint64_t seed = 0; seed < kPolicies; ++seed) {
    const auto nodes = Generations(seed);
    Evaluator evaluator(*nodes[0]);
    ForEachFrame(
        nodes, seed, [&](size_t generation) { evaluator.Change(*nodes[generation]); },
        [&](const GeneratedFrame& frame) {
          const Judgement judgement = evaluator.Judge(FrameOf(frame));
          ++seen[{judgement.reason, frame.direction}];
          ++frames;
          by_rules += judgement.rule != nullptr || judgement.reason == PM_REASON_FAILSAFE;
        });
  }
  for (int reason = PM_REASON_INTERNAL + 1; reason < PM_REASON_COUNT; ++reason) {
    for (const Direction direction : {Direction::kIn, Direction::kOut}) {
      if (reason == PM_REASON_SPOOFED && direction == Direction::kOut) continue;
      EXPECT_GT((seen[{static_cast<pm_reason>(reason), direction}]), frames / 2000)
          << ReasonWord(static_cast<pm_reason>(reason)) << " " << ToString(direction);
    }
  }
  EXPECT_GT(by_rules, frames / 4);
}

TEST(RandomFrames, AreTheSameForTheSameSeed) {
  Random random(7);
  const Node node = RandomNode(random);
  FrameGenerator one(node, 9);
  FrameGenerator other(node, 9);
  uint64_t time = 0;
  for (int i = 0; i < kFrames; ++i) {
    const GeneratedFrame frame = one.Next();
    const GeneratedFrame same = other.Next();
    EXPECT_EQ(frame.bytes, same.bytes);
    EXPECT_EQ(frame.time, same.time);
    const size_t most = frame.direction == Direction::kIn ? 9000 : frame.segmented ? 3500 : 1500;
    EXPECT_LE(frame.bytes.size(), most);
    EXPECT_GE(frame.time, time);
    time = frame.time;
  }
}

}  // namespace
}  // namespace portmatrix
