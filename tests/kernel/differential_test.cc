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

// Of the run that every build makes, so that it fails only for what changed; others come from the
// environment.
constexpr uint64_t kSeed = 1;
constexpr int kPacketsAPolicy = 4000;
constexpr int kPacketsAGeneration = 800;

TEST(Differential, ThreeJudgesAgreeOnRandomPacketsUnderRandomPolicies) {
  NEEDS_KERNEL();
  const uint64_t packets = FromEnvironment("PORTMATRIX_PACKETS", 240000);
  const uint64_t seed = FromEnvironment("PORTMATRIX_SEED", kSeed);
  std::map<std::string, uint64_t> reasons;
  uint64_t judged = 0, policies = 0, changes = 0;
  const auto start = std::chrono::steady_clock::now();

  for (; judged < packets; ++policies) {
    Random random(seed + policies);
    Node node = RandomNode(random);
    auto judges = ThreeJudges::Make(node);
    ASSERT_TRUE(judges.ok()) << judges.error().Text() << " (seed " << seed + policies << ")";
    FrameGenerator generator(node, seed + policies);
    for (int i = 0; i < kPacketsAPolicy; ++i, ++judged) {
      if (i > 0 && i % kPacketsAGeneration == 0) {
        Node next = Mutate(node, random);
        auto changed = (*judges)->Change(next);
        ASSERT_TRUE(changed.ok()) << changed.error().Text();
        node = std::move(next);
        generator.Retarget(node);
        ++changes;
      }
      const GeneratedFrame frame = generator.Next();
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
    }
    const auto difference = (*judges)->CompareCounters();
    ASSERT_FALSE(difference) << *difference << " (policy seed " << seed + policies << ")";
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  std::string shares;
  for (const auto& [reason, count] : reasons) shares += fmt::format(" {} {}", reason, count);
  fmt::print("seed {}: {} packets, {} policies, {} changes, {:.1f} s, no difference;{}\n", seed,
             judged, policies, changes, seconds.count(), shares);
  // A generator that only made noise would prove nothing; a few policies may well be without DHCP
  // or tags.
  if (packets < 100000) return;
  for (const char* reason : {"rule", "reply", "failsafe", "neighbour", "dhcp", "ethertype",
                             "default", "malformed", "vlan", "spoofed", "fragment"})
    EXPECT_GT(reasons[reason], packets / 10000) << reason;
}

}  // namespace
}  // namespace portmatrix
