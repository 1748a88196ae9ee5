// SPDX-License-Identifier: Apache-2.0
// One packet before three judges: the reference evaluator, the evaluator over the compiled image's
// lookup, and the program in the kernel. They must agree on verdict, reason and rule of every
// packet, and at the end on every counter. All the while somebody listens to the program's events:
// one for each packet that drops, or would, or that a rule with `log` is credited with.
#ifndef PORTMATRIX_TESTS_KERNEL_THREE_JUDGES_H_
#define PORTMATRIX_TESTS_KERNEL_THREE_JUDGES_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "agent/compile/compile.h"
#include "agent/datapath/flow_table.h"
#include "agent/datapath/simulator.h"
#include "agent/policy/evaluator.h"

namespace portmatrix {

class ThreeJudges {
 public:
  // Fails (with text) where the kernel refuses or the policy does not compile.
  static Result<std::unique_ptr<ThreeJudges>> Make(const Node& node, uint32_t flows = 65536);

  // Another policy judges from now on.
  Result<void> Change(const Node& node);

  // The first difference, in words, or nothing. A frame that the kernel does not test-run must be
  // one that no rule is asked about. It must count as `wire_packets`.
  std::optional<std::string> Judge(const std::string& device, Direction direction,
                                   std::span<const uint8_t> frame, uint64_t time,
                                   const Carriage& carriage = {}, uint32_t wire_packets = 1);
  // What the evaluator said last.
  const Judgement& last() const { return last_; }

  // The kernel's entry of the conversation that this frame opened on its way out of `interface`.
  std::optional<Conversation> ConversationOf(const std::string& interface,
                                             std::span<const uint8_t> opening) const;

  // The first difference between the kernel's counters and what was judged, or nothing.
  std::optional<std::string> CompareCounters();

  Simulator& simulator() { return *simulator_; }

 private:
  explicit ThreeJudges(std::unique_ptr<Simulator> simulator) : simulator_(std::move(simulator)) {}
  std::string Text(const Judgement& judgement) const;
  std::string Text(const pm_report& report) const;
  pm_report Expected(const Judgement& judgement, const std::string& device,
                     Direction direction) const;
  void Count(const pm_report& report, uint32_t packets);
  // What the program told of the packet that was judged last.
  std::optional<std::string> CompareEvent(const pm_report& expected, const std::string& device,
                                          std::span<const uint8_t> frame, uint64_t time,
                                          uint32_t packets);

  std::unique_ptr<Simulator> simulator_;
  std::unique_ptr<EventSource> events_;
  Numbering numbering_;
  uint64_t generation_ = 0;
  // Behind pointers, because the judges hold on to them; the previous ones until the change is
  // through.
  std::unique_ptr<Node> node_;
  std::unique_ptr<Compilation> compilation_;
  std::unique_ptr<Evaluator> evaluator_;
  std::unique_ptr<Evaluator> over_image_;
  Judgement last_;

  std::map<uint32_t, pm_rule_counter> rules_;
  std::map<uint32_t, pm_reason_counter> reasons_;
  std::map<uint32_t, pm_seen_counter> seen_;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_TESTS_KERNEL_THREE_JUDGES_H_
