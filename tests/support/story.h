// SPDX-License-Identifier: Apache-2.0
// A sequence of frames at certain times and what becomes of each, for what only an earlier packet
// explains.
#ifndef PORTMATRIX_TESTS_SUPPORT_STORY_H_
#define PORTMATRIX_TESTS_SUPPORT_STORY_H_

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "agent/policy/evaluator.h"
#include "agent/policy/model.h"
#include "tests/support/packet_builder.h"

namespace portmatrix {

struct Step {
  uint64_t milliseconds = 0;  // since the story began; does not go back
  Direction direction = Direction::kIn;
  wire::Stack packet;
  std::string expected = {};  // as judgement_text.h writes it
  std::string device = "eth0";
};

struct Story {
  std::string name;  // a sentence
  std::vector<Step> steps;
};

void PrintTo(const Story& story, std::ostream* out);

// When every story begins, in nanoseconds of the evaluator's clock.
inline constexpr uint64_t kStoryBeginning = 100'000'000'000'000;

constexpr uint64_t Seconds(uint64_t seconds) { return seconds * 1000; }

// Of one packet, without a past.
Story OnePacket(const std::string& name, Direction direction, const wire::Stack& packet,
                const std::string& expected);

// Shows the steps to the evaluator and returns "step 2: drop default" for each that came out
// otherwise than expected.
std::vector<std::string> Tell(Evaluator& evaluator, const std::vector<Step>& steps);
// The same to a new evaluator.
std::vector<std::string> Tell(const Node& node, const std::vector<Step>& steps);

}  // namespace portmatrix

#endif  // PORTMATRIX_TESTS_SUPPORT_STORY_H_
