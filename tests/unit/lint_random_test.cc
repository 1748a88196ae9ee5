// SPDX-License-Identifier: Apache-2.0
// Lints are exact, shown on random policies: the evaluator finds no difference where one says that
// there is none, and a packet that makes it where none is told.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/policy/evaluator.h"
#include "agent/policy/families.h"
#include "agent/policy/lint.h"
#include "agent/policy/tuple.h"
#include "tests/support/judgement_text.h"
#include "tests/support/policy_edges.h"
#include "tests/support/random_frame.h"
#include "tests/support/random_policy.h"

namespace portmatrix {
namespace {

constexpr uint64_t kPolicies = 400;
constexpr int kFrames = 800;
constexpr int kTuples = 3000;
constexpr size_t kMostRules = 12;

// Small, so that rules cover each other often; with each rule's place in its span.
Node SmallNode(Random& random) {
  Node node = RandomNode(random);
  uint32_t line = 1;
  for (Interface& interface : node.interfaces) {
    if (interface.rules.size() > kMostRules) interface.rules.resize(kMostRules);
    for (Rule& rule : interface.rules) {
      rule.log = false;
      // A good half of the rules are parts or twins of others.
      if (random.Percent(60)) {
        const Rule& model = random.From(interface.rules);
        rule.match = model.match;
        rule.direction = model.direction;
        if (random.Percent(50)) rule.match.from = RandomAddresses(random, 2);
        if (random.Percent(30)) rule.match.to = AddressSet::Any();
      }
      rule.span.line = line++;
    }
  }
  return node;
}

using Lints = std::map<std::string, std::set<uint32_t>>;  // lines, by name

Lints LintsOf(const Node& node) {
  Diagnostics diagnostics;
  LintNode(node, diagnostics);
  Lints lints;
  for (const Diagnostic& diagnostic : diagnostics.all()) {
    lints[diagnostic.name].insert(diagnostic.span.line);
  }
  return lints;
}

Node Without(const Node& node, const std::set<uint32_t>& lines) {
  Node changed = node;
  for (Interface& interface : changed.interfaces) {
    std::erase_if(interface.rules,
                  [&](const Rule& rule) { return lines.contains(rule.span.line); });
  }
  return changed;
}

Frame FrameOf(const GeneratedFrame& generated) {
  return {.device = generated.device,
          .direction = generated.direction,
          .data = generated.bytes,
          .segmented = generated.segmented,
          .time = generated.time};
}

// Streams of frames, with answers, errors, fragments and conversations, fare alike.
void ExpectAlike(const Node& node, const Node& other, uint64_t seed) {
  Evaluator left(node), right(other);
  FrameGenerator generator(node, seed);
  for (int i = 0; i < kFrames; ++i) {
    const GeneratedFrame generated = generator.Next();
    const Frame frame = FrameOf(generated);
    const Judgement a = left.Judge(frame), b = right.Judge(frame);
    ASSERT_EQ(a.verdict, b.verdict) << "frame " << i << "\n" << Describe(a) << "\n" << Describe(b);
    ASSERT_EQ(a.audited, b.audited) << "frame " << i;
  }
}

// A tuple that the rule may match, at its edges.
pm_tuple TupleNear(Random& random, const PolicyEdges& edges, const Match& match) {
  const Family family = random.Percent(50) ? Family::kIpv4 : Family::kIpv6;
  const uint8_t protocol = match.any_protocol ? random.Pick<uint8_t>({1, 6, 17, 47, 58, 132})
                                              : random.From(match.protocols);
  pm_tuple tuple = MakeTuple(edges.AddressNear(random, match.from, family),
                             edges.AddressNear(random, match.to, family), protocol);
  if (protocol == 1 || protocol == 58) {
    const uint8_t type = match.icmp_type.value_or(random.Byte());
    const uint8_t code = match.icmp_code.value_or(random.Pick<uint8_t>({0, 1, 3}));
    tuple.destination_port = static_cast<uint16_t>(type << 8 | code);
  } else if (protocol == 6 || protocol == 17 || protocol == 132) {
    tuple.destination_port = edges.PortNear(random, match.ports);
    tuple.source_port = edges.PortNear(random, match.source_ports);
  }
  return tuple;
}

bool CanBe(const pm_tuple& tuple) { return tuple.protocol != (tuple.family == 4 ? 58 : 1); }

// How many of the rules that were not told to be redundant have a packet, found by trying, whose
// action is another without them.
struct Witnesses {
  size_t found = 0;
  size_t asked = 0;
};

void LookForWitnesses(const Node& node, const Lints& lints, Random& random, Witnesses& witnesses) {
  const PolicyEdges edges(node);
  const auto matcher = MakeLinearMatcher(node);
  for (size_t index = 0; index < node.interfaces.size(); ++index) {
    const Interface& interface = node.interfaces[index];
    for (const Rule& rule : interface.rules) {
      if (rule.state != RuleState::kActive || !WhyFamiliesCannotMeet(rule.match).empty()) continue;
      const auto told = [&](std::string_view lint) {
        const auto found = lints.find(std::string(lint));
        return found != lints.end() && found->second.contains(rule.span.line);
      };
      if (told(kShadowedRule) || told(kFailsafeCoversRule) || told(kNeverMatches)) continue;
      const bool redundant = told(kRedundantRule);
      const Node without = Without(node, {rule.span.line});
      const auto other = MakeLinearMatcher(without);
      bool witness = false;
      for (int i = 0; i < kTuples && (redundant || !witness); ++i) {
        const pm_tuple tuple = TupleNear(random, edges, rule.match);
        const LiveMembership live{random.Byte(), random.Byte()};
        if (!CanBe(tuple) || !rule.match.Matches(tuple, live)) continue;
        const auto action = [&](const RuleMatch& match) {
          const bool drops = interface.default_verdict == Verdict::kDrop;
          return match.action == PM_ACTION_NONE && drops ? PM_ACTION_DENY : match.action;
        };
        witness = action(matcher->Find(index, rule.direction, tuple, live)) !=
                  action(other->Find(index, rule.direction, tuple, live));
        if (redundant && interface.default_verdict == Verdict::kDrop) {
          ASSERT_FALSE(witness) << rule.key;
        }
      }
      if (redundant) continue;
      ++witnesses.asked;
      witnesses.found += witness ? 1 : 0;
    }
  }
}

TEST(RandomLint, WithoutARedundantRuleEveryPacketFaresAlike) {
  size_t redundant = 0, unreached = 0;
  Witnesses witnesses;
  for (uint64_t seed = 0; seed < kPolicies && !HasFatalFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const Node node = SmallNode(random);
    const Lints lints = LintsOf(node);
    EXPECT_FALSE(lints.contains("lint-undecided"));
    // Unreached ones go all at once; each redundant one alone, from what then is left and from all.
    std::set<uint32_t> gone;
    for (const std::string_view lint : {kShadowedRule, kFailsafeCoversRule}) {
      const auto found = lints.find(std::string(lint));
      if (found != lints.end()) gone.insert(found->second.begin(), found->second.end());
    }
    unreached += gone.size();
    const Node reached = Without(node, gone);
    if (!gone.empty()) ExpectAlike(node, reached, seed);
    const auto found = lints.find(std::string(kRedundantRule));
    if (found != lints.end()) {
      for (const uint32_t line : found->second) {
        ++redundant;
        ExpectAlike(node, Without(node, {line}), seed);
        ExpectAlike(reached, Without(reached, {line}), seed);
      }
    }
    LookForWitnesses(reached, lints, random, witnesses);
  }
  EXPECT_GT(redundant, 100u);
  EXPECT_GT(unreached, 100u);
  // Chance does not find every packet, but nearly.
  EXPECT_GT(witnesses.asked, 1000u);
  EXPECT_GT(witnesses.found * 100, witnesses.asked * 95)
      << witnesses.found << " of " << witnesses.asked;
}

TEST(RandomLint, NoPacketComesInToARuleThatNeverMatches) {
  size_t never = 0;
  for (uint64_t seed = 0; seed < kPolicies; ++seed) {
    Random random(seed);
    Node node = SmallNode(random);
    for (Interface& interface : node.interfaces) {
      for (Rule& rule : interface.rules) {
        if (random.Percent(30)) rule.match.from = interface.local;
      }
    }
    const Lints lints = LintsOf(node);
    const auto found = lints.find(std::string(kNeverMatches));
    if (found == lints.end()) continue;
    never += found->second.size();
    Evaluator evaluator(node);
    FrameGenerator generator(node, seed);
    for (int i = 0; i < kFrames; ++i) {
      const GeneratedFrame generated = generator.Next();
      const Judgement judgement = evaluator.Judge(FrameOf(generated));
      if (judgement.rule == nullptr || judgement.reason != PM_REASON_RULE) continue;
      ASSERT_FALSE(found->second.contains(judgement.rule->span.line)) << judgement.rule->key;
    }
  }
  EXPECT_GT(never, 50u);
}

}  // namespace
}  // namespace portmatrix
