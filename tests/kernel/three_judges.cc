// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/three_judges.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "agent/policy/packet.h"
#include "maps/lookup.h"

namespace portmatrix {
namespace {

constexpr uint32_t kRules = 8192;
constexpr uint32_t kFragments = 16384;
constexpr size_t kEthernetBytes = 14;

// Finds rules by the image's tables instead of walking the policy.
class ImageMatcher : public RuleMatcher {
 public:
  explicit ImageMatcher(const Compilation& compilation)
      : compilation_(compilation), lookup_(compilation.image) {}

  RuleMatch Find(size_t interface, Direction direction, const pm_tuple& tuple) const override {
    const uint32_t value = lookup_.Match(static_cast<uint32_t>(interface),
                                         static_cast<pm_direction>(direction), tuple);
    RuleMatch match;
    match.action = static_cast<pm_action>(PM_VALUE_ACTION(value));
    if (match.action == PM_ACTION_ALLOW || match.action == PM_ACTION_DENY)
      match.rule = compilation_.rules.at(PM_VALUE_RULE(value) - 1);
    return match;
  }

 private:
  const Compilation& compilation_;
  ImageLookup lookup_;
};

}  // namespace

Result<std::unique_ptr<ThreeJudges>> ThreeJudges::Make(const Node& node, uint32_t flows) {
  auto simulator = Simulator::Load({.rules = kRules, .flows = flows, .fragments = kFragments});
  if (!simulator) return simulator.error();
  std::unique_ptr<ThreeJudges> judges(new ThreeJudges(std::move(*simulator)));
  auto events = judges->simulator_->Events();
  if (!events) return events.error();
  judges->events_ = std::move(*events);
  if (auto listening = judges->events_->Listen(UINT64_MAX, PM_MOST_EVENT_BUDGET); !listening)
    return listening.error();
  if (auto changed = judges->Change(node); !changed) return changed.error();
  return judges;
}

Result<void> ThreeJudges::Change(const Node& node) {
  auto next = std::make_unique<Node>(node);
  std::string what;
  if (!NumberNode(*next, {.rules = kRules}, &numbering_, &what))
    return Error{"number", "the policy", 0, what};
  // The forms of the tables take turns: large policies' too.
  constexpr size_t kDenseWords[] = {kMostDenseWords, 0, 12};
  ++generation_;
  auto compiled = Compile(*next, numbering_, generation_, &what, kDenseWords[generation_ % 3]);
  if (!compiled) return Error{"compile", "the policy", 0, what};
  auto compilation = std::make_unique<Compilation>(std::move(*compiled));
  if (auto changed = simulator_->Change(compilation->image); !changed) return changed;

  auto matcher = std::make_unique<ImageMatcher>(*compilation);
  if (evaluator_ == nullptr) {
    evaluator_ = std::make_unique<Evaluator>(*next);
    over_image_ = std::make_unique<Evaluator>(*next, std::move(matcher));
  } else {
    evaluator_->Change(*next);
    over_image_->Change(*next, std::move(matcher));
  }
  node_ = std::move(next);
  compilation_ = std::move(compilation);
  return {};
}

pm_report ThreeJudges::Expected(const Judgement& judgement, const std::string& device,
                                Direction direction) const {
  pm_report report{};
  report.verdict = static_cast<uint8_t>(judgement.verdict);
  report.reason = judgement.reason;
  report.audited = judgement.audited;
  report.direction = static_cast<uint8_t>(direction);
  report.owner =
      judgement.interface ? numbering_.interfaces.at(node_->interfaces[*judgement.interface].name)
                          : PM_MAX_INTERFACES + numbering_.devices.at(device);
  if (judgement.rule != nullptr)
    report.slot = numbering_.rules.at({judgement.rule->key, judgement.rule->direction});
  return report;
}

std::string ThreeJudges::Text(const pm_report& report) const {
  return fmt::format("{} {}{} owner {} slot {}", report.verdict == PM_PASS ? "pass" : "drop",
                     ReasonWord(static_cast<pm_reason>(report.reason)),
                     report.audited ? " audited" : "", report.owner, report.slot);
}

std::string ThreeJudges::Text(const Judgement& judgement) const {
  return fmt::format("{} {}{} interface {} rule {}",
                     judgement.verdict == Verdict::kPass ? "pass" : "drop",
                     ReasonWord(judgement.reason), judgement.audited ? " audited" : "",
                     judgement.interface ? node_->interfaces[*judgement.interface].name : "-",
                     judgement.rule != nullptr ? judgement.rule->key : "-");
}

std::optional<std::string> ThreeJudges::Judge(const std::string& device, Direction direction,
                                              std::span<const uint8_t> frame, uint64_t time,
                                              const Carriage& carriage, uint32_t wire_packets) {
  if (!numbering_.devices.contains(device)) {
    uint32_t number = 0;
    for (const auto& [name, taken] : numbering_.devices) number = std::max(number, taken + 1);
    numbering_.devices.emplace(device, number);
  }
  Frame whole;
  whole.device = device;
  whole.direction = direction;
  whole.data = frame;
  whole.segmented = carriage.segment_bytes != 0;
  whole.time = time;
  last_ = evaluator_->Judge(whole);
  const Judgement other = over_image_->Judge(whole);
  if (Text(last_) != Text(other))
    return fmt::format("evaluator: {}\nimage:     {}", Text(last_), Text(other));

  auto ran = simulator_->Run(direction, numbering_.devices.at(device), frame, time, carriage);
  if (!ran) return ran.error().Text();
  if (!*ran) {
    if (last_.reason == PM_REASON_MALFORMED || last_.reason == PM_REASON_UNBOUND ||
        last_.reason == PM_REASON_VLAN)
      return std::nullopt;
    return fmt::format("the kernel refused to run what the evaluator says is {}", Text(last_));
  }
  pm_report kernel_report = **ran;
  pm_report* report = &kernel_report;
  pm_report expected = Expected(last_, device, direction);
  expected.bytes = report->bytes;
  const size_t wire_bytes = carriage.wire_bytes != 0 ? carriage.wire_bytes : frame.size();
  if (last_.rule == nullptr) report->slot = 0;
  if (Text(expected) != Text(*report) || report->direction != expected.direction ||
      report->bytes != wire_bytes)
    return fmt::format("evaluator: {} ({}), {} bytes\nkernel:    {}, {} bytes", Text(expected),
                       Text(last_), wire_bytes, Text(*report), report->bytes);
  Count(expected, wire_packets);
  return CompareEvent(expected, device, frame, time, wire_packets);
}

std::optional<std::string> ThreeJudges::CompareEvent(const pm_report& expected,
                                                     const std::string& device,
                                                     std::span<const uint8_t> frame, uint64_t time,
                                                     uint32_t packets) {
  const auto events = events_->Take();
  if (!events) return events.error().Text();
  const bool is_told =
      expected.audited || expected.verdict == PM_DROP || (last_.rule != nullptr && last_.rule->log);
  if (events->size() != (is_told ? 1u : 0u))
    return fmt::format("{} events of {}", events->size(), Text(last_));
  if (!is_told) return std::nullopt;
  const pm_event& event = (*events)[0];
  const size_t head = std::min<size_t>(frame.size(), PM_EVENT_HEAD_BYTES);
  const auto text = [&](uint32_t owner, uint32_t slot, int verdict, int reason, bool audited,
                        int direction, uint64_t generation, uint64_t at, uint32_t number,
                        uint32_t count, uint32_t bytes, size_t length, size_t head_bytes) {
    return fmt::format(
        "owner {} slot {} {} {}{} direction {} generation {} at {} device {}, {} "
        "packets, {} bytes, length {}, head {}",
        owner, slot, verdict == PM_PASS ? "pass" : "drop",
        ReasonWord(static_cast<pm_reason>(reason)), audited ? " audited" : "", direction,
        generation, at, number, count, bytes, length, head_bytes);
  };
  const std::string wanted =
      text(expected.owner, expected.slot, expected.verdict, expected.reason, expected.audited,
           expected.direction, generation_, time, numbering_.devices.at(device), packets,
           expected.bytes, frame.size(), head);
  const std::string told =
      text(event.owner, last_.rule == nullptr ? 0 : event.slot, event.verdict, event.reason,
           event.audited, event.direction, event.generation, event.time, event.device,
           event.packets, event.bytes, event.length, event.head_bytes);
  if (wanted != told) return fmt::format("event expected: {}\nevent told:     {}", wanted, told);
  if (std::memcmp(event.head, frame.data(), head) != 0)
    return "the event's head is another frame's";
  return std::nullopt;
}

std::optional<Conversation> ThreeJudges::ConversationOf(const std::string& interface,
                                                        std::span<const uint8_t> opening) const {
  const Family family = opening[12] == 0x08 ? Family::kIpv4 : Family::kIpv6;
  auto packet = DecodePacket(family, opening.subspan(kEthernetBytes));
  if (!packet) return std::nullopt;
  packet->tuple.interface = static_cast<uint16_t>(numbering_.interfaces.at(interface));
  auto flow = simulator_->FindFlow(packet->tuple);
  if (!flow || !*flow) return std::nullopt;
  return Conversation{packet->tuple, **flow};
}

void ThreeJudges::Count(const pm_report& report, uint32_t packets) {
  pm_seen_counter& seen = seen_[report.owner * PM_DIRECTIONS + report.direction];
  seen.packets += packets;
  seen.bytes += report.bytes;
  const bool credited = report.reason == PM_REASON_RULE || report.reason == PM_REASON_REPLY;
  if (credited && last_.rule->direction == static_cast<Direction>(report.direction)) {
    rules_[report.slot].packets += packets;
    rules_[report.slot].bytes += report.bytes;
    return;
  }
  if (credited) {
    rules_[report.slot].reply_packets += packets;
    rules_[report.slot].reply_bytes += report.bytes;
    return;
  }
  pm_reason_counter& reason =
      reasons_[(report.owner * PM_DIRECTIONS + report.direction) * PM_REASON_COUNT + report.reason];
  if (report.audited) {
    reason.audited_packets += packets;
    reason.audited_bytes += report.bytes;
  } else if (report.verdict == PM_PASS) {
    reason.passed_packets += packets;
    reason.passed_bytes += report.bytes;
  } else {
    reason.dropped_packets += packets;
    reason.dropped_bytes += report.bytes;
  }
}

namespace {

template <typename Counter>
std::optional<std::string> Compare(const char* what, const Result<std::vector<Counter>>& kernel,
                                   const std::map<uint32_t, Counter>& expected, size_t bytes) {
  if (!kernel) return kernel.error().Text();
  for (uint32_t i = 0; i < kernel->size(); ++i) {
    const auto found = expected.find(i);
    const Counter none{};
    const Counter& want = found == expected.end() ? none : found->second;
    if (std::memcmp(&want, &(*kernel)[i], bytes) != 0) {
      const auto* a = reinterpret_cast<const uint64_t*>(&want);
      const auto* b = reinterpret_cast<const uint64_t*>(&(*kernel)[i]);
      return fmt::format(
          "{} counter {}: expected {} packets, {} bytes; kernel {} packets, {} bytes", what, i,
          a[0], a[1], b[0], b[1]);
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> ThreeJudges::CompareCounters() {
  // The last word of a rule's counter is the time of its last hit.
  if (auto difference = Compare("rule", simulator_->RuleCounters(kRules), rules_,
                                offsetof(pm_rule_counter, last_hit)))
    return difference;
  if (auto difference =
          Compare("reason", simulator_->ReasonCounters(), reasons_, sizeof(pm_reason_counter)))
    return difference;
  if (auto difference = Compare("seen", simulator_->SeenCounters(), seen_, sizeof(pm_seen_counter)))
    return difference;
  auto faults = simulator_->Faults();
  if (!faults) return faults.error().Text();
  for (uint32_t i = 0; i < faults->size(); ++i)
    if ((*faults)[i] != 0) return fmt::format("fault {} was counted {} times", i, (*faults)[i]);
  return std::nullopt;
}

}  // namespace portmatrix
