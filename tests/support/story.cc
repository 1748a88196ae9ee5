// SPDX-License-Identifier: Apache-2.0
#include "tests/support/story.h"

#include "tests/support/judgement_text.h"

namespace portmatrix {
namespace {

// Not at the clock's zero, so that a time of zero in an entry is visibly nothing.
constexpr uint64_t kMillisecond = PM_SECOND / 1000;

}  // namespace

void PrintTo(const Story& story, std::ostream* out) { *out << story.name; }

Story OnePacket(const std::string& name, Direction direction, const wire::Stack& packet,
                const std::string& expected) {
  return {name, {{.direction = direction, .packet = packet, .expected = expected}}};
}

std::vector<std::string> Tell(Evaluator& evaluator, const std::vector<Step>& steps) {
  std::vector<std::string> surprises;
  for (size_t index = 0; index < steps.size(); ++index) {
    const Step& step = steps[index];
    const wire::Bytes bytes = step.packet;
    const std::string outcome = Describe(evaluator.Judge({
        .device = step.device,
        .direction = step.direction,
        .data = bytes,
        .time = kStoryBeginning + step.milliseconds * kMillisecond,
    }));
    if (outcome == step.expected) continue;
    surprises.push_back("step " + std::to_string(index + 1) + ": " + outcome + ", not " +
                        step.expected);
  }
  return surprises;
}

std::vector<std::string> Tell(const Node& node, const std::vector<Step>& steps) {
  Evaluator evaluator(node);
  return Tell(evaluator, steps);
}

}  // namespace portmatrix
