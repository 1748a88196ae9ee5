// SPDX-License-Identifier: Apache-2.0
// Random policies, random changes of them, random packets: evaluator, image lookup and kernel
// program never differ.
//
// PORTMATRIX_PACKETS and PORTMATRIX_SEED in the environment make it longer or repeat a run.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>

#include "tests/kernel/privilege.h"
#include "tests/kernel/three_judges.h"
#include "tests/support/random_frame.h"
#include "tests/support/random_policy.h"

namespace portmatrix {
namespace {

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

std::string Hex(const std::vector<uint8_t>& bytes) {
  std::string text;
  for (const uint8_t byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

// Somebody adds to a live set, or takes away what is there.
Result<void> EditLiveSets(const Node& node, uint64_t now, ThreeJudges& judges, Random& random,
                          std::map<std::string, std::vector<Prefix>>& content) {
  if (node.live_sets.empty()) return {};
  const std::string& set = random.From(node.live_sets).name;
  std::vector<Prefix>& entries = content[set];
  if (!entries.empty() && random.Percent(45)) {
    std::swap(entries.back(), entries[random.Below(entries.size())]);
    const Prefix gone = entries.back();
    entries.pop_back();
    return judges.RemoveLive(set, gone);
  }
  constexpr uint64_t kMillisecond = 1'000'000;
  const uint64_t until = random.Percent(60) ? LiveContent::kForever
                                            : now + random.Below(20'000) * kMillisecond;
  entries.push_back(RandomPrefix(random));
  return judges.AddLive(set, entries.back(), until);
}

// Of the run that every build makes, so that it fails only for what changed; others come from the
// environment.
constexpr uint64_t kSeed = 1;
constexpr int kPacketsAPolicy = 4000;
constexpr int kPacketsAGeneration = 800;
constexpr int kPacketsAnEdit = 20;  // of live sets

TEST(Differential, ThreeJudgesAgreeOnRandomPacketsUnderRandomPolicies) {
  NEEDS_KERNEL();
  const uint64_t packets = FromEnvironment("PORTMATRIX_PACKETS", 240000);
  const uint64_t seed = FromEnvironment("PORTMATRIX_SEED", kSeed);
  std::map<std::string, uint64_t> reasons;
  uint64_t judged = 0, policies = 0, changes = 0, by_live_rules = 0;
  const auto start = std::chrono::steady_clock::now();

  for (; judged < packets; ++policies) {
    Random random(seed + policies);
    Node node = RandomNode(random);
    const bool live = policies % 2 == 1;
    if (live) AddLiveSets(node, random);
    std::map<std::string, std::vector<Prefix>> content;
    uint64_t now = 0;
    auto judges = ThreeJudges::Make(node);
    ASSERT_TRUE(judges.ok()) << judges.error().Text() << " (seed " << seed + policies << ")";
    FrameGenerator generator(node, seed + policies);
    for (int i = 0; i < kPacketsAPolicy; ++i, ++judged) {
      if (i > 0 && i % kPacketsAGeneration == 0) {
        Node next = Mutate(node, random);
        if (live) AddLiveSets(next, random);
        auto changed = (*judges)->Change(next);
        ASSERT_TRUE(changed.ok()) << changed.error().Text();
        node = std::move(next);
        generator.Retarget(node);
        ++changes;
      }
      if (i % kPacketsAnEdit == 0) {
        auto edited = EditLiveSets(node, now, **judges, random, content);
        ASSERT_TRUE(edited.ok()) << edited.error().Text();
      }
      const GeneratedFrame frame = generator.Next();
      now = frame.time;
      constexpr uint32_t kSegments = 3;  // any number says the same
      const Carriage carriage = frame.segmented
                                    ? Carriage{.segment_bytes = 1448, .segments = kSegments}
                                    : Carriage{};
      const auto difference =
          (*judges)->Judge(frame.device, frame.direction, frame.bytes, frame.time, carriage,
                           frame.segmented ? kSegments : 1);
      ASSERT_FALSE(difference) << *difference << "\npolicy seed " << seed + policies << ", packet "
                               << i << ", " << frame.device << " " << ToString(frame.direction)
                               << (frame.segmented ? " segmented" : "") << "\n"
                               << Hex(frame.bytes);
      ++reasons[ReasonWord((*judges)->last().reason)];
      const Rule* rule = (*judges)->last().rule;
      by_live_rules += rule != nullptr && rule->match.is_live();
    }
    const auto difference = (*judges)->CompareCounters();
    ASSERT_FALSE(difference) << *difference << " (policy seed " << seed + policies << ")";
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  std::string shares;
  for (const auto& [reason, count] : reasons) shares += fmt::format(" {} {}", reason, count);
  fmt::print(
      "seed {}: {} packets, {} policies, {} changes, {:.1f} s, no difference; by live rules {};{}\n",
      seed, judged, policies, changes, seconds.count(), by_live_rules, shares);
  // A generator that only made noise would prove nothing; a few policies may well be without DHCP
  // or tags.
  if (packets < 100000) return;
  EXPECT_GT(by_live_rules, packets / 200);
  for (const char* reason : {"rule", "reply", "failsafe", "neighbour", "dhcp", "ethertype",
                             "default", "malformed", "vlan", "spoofed", "fragment"})
    EXPECT_GT(reasons[reason], packets / 10000) << reason;
}

}  // namespace
}  // namespace portmatrix
