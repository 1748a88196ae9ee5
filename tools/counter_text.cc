// SPDX-License-Identifier: Apache-2.0
#include "tools/counter_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "agent/policy/model.h"
#include "tools/table.h"

namespace portmatrix {
namespace {

using Rows = std::vector<std::vector<std::string>>;

bool IsZero(const pm_reason_counter& counter) {
  return counter.dropped_packets + counter.audited_packets + counter.passed_packets == 0;
}

std::string OwnerText(const std::string& owner, bool is_device) {
  return is_device ? "device " + owner : owner;
}

}  // namespace

std::string CountersTable(const CounterSnapshot& counters) {
  Rows rules = {{"RULE", "DIR", "PACKETS", "BYTES", "REPLIES", "REPLY BYTES", "LAST HIT"}};
  for (const RuleCount& rule : counters.rules)
    rules.push_back({rule.rule.key + (rule.in_force ? "" : " (not in force)"),
                     ToString(rule.rule.direction), std::to_string(rule.total.packets),
                     std::to_string(rule.total.bytes), std::to_string(rule.total.reply_packets),
                     std::to_string(rule.total.reply_bytes),
                     rule.last_hit ? TimeText(*rule.last_hit).substr(0, 19) + "Z" : "never"});
  Rows reasons = {
      {"INTERFACE", "DIR", "REASON", "DROPPED", "BYTES", "AUDITED", "BYTES", "PASSED", "BYTES"}};
  for (const ReasonCount& reason : counters.reasons) {
    if (IsZero(reason.total)) continue;
    const pm_reason_counter& total = reason.total;
    reasons.push_back({OwnerText(reason.owner, reason.is_device), ToString(reason.direction),
                       ReasonWord(reason.reason), std::to_string(total.dropped_packets),
                       std::to_string(total.dropped_bytes), std::to_string(total.audited_packets),
                       std::to_string(total.audited_bytes), std::to_string(total.passed_packets),
                       std::to_string(total.passed_bytes)});
  }
  Rows seen = {{"INTERFACE", "DIR", "SEEN", "BYTES", "RETIRED", "BYTES"}};
  for (const SeenCount& count : counters.seen) {
    if (count.is_device && count.total.packets == 0) continue;
    seen.push_back({OwnerText(count.owner, count.is_device), ToString(count.direction),
                    std::to_string(count.total.packets), std::to_string(count.total.bytes),
                    std::to_string(count.retired.packets), std::to_string(count.retired.bytes)});
  }
  std::string text = AlignedTable(rules, {2, 3, 4, 5});
  if (reasons.size() > 1) text += "\n" + AlignedTable(reasons, {3, 4, 5, 6, 7, 8});
  text += "\n" + AlignedTable(seen, {2, 3, 4, 5});
  for (const auto& [word, count] : counters.faults)
    if (count != 0) text += fmt::format("\nkernel helper failed: {} {}", word, count);
  return text;
}

std::string ChangesTable(const CounterSnapshot& counters, const CounterSnapshot* before,
                         size_t rows, size_t columns) {
  struct Row {
    uint64_t delta;
    std::vector<std::string> cells;
  };
  std::vector<Row> moved;
  RuleIncreases increases(before != nullptr ? before : &counters);
  for (const RuleCount& rule : counters.rules) {
    const pm_rule_counter delta = increases.Of(rule);
    const uint64_t packets = delta.packets + delta.reply_packets;
    moved.push_back({packets,
                     {"+" + std::to_string(packets),
                      std::to_string(rule.total.packets + rule.total.reply_packets),
                      "+" + std::to_string(delta.bytes + delta.reply_bytes),
                      ToString(rule.rule.direction), rule.rule.key}});
  }
  for (const ReasonCount& reason : counters.reasons) {
    if (IsZero(reason.total)) continue;
    const auto packets = [](const pm_reason_counter& of) {
      return of.dropped_packets + of.audited_packets + of.passed_packets;
    };
    const auto bytes = [](const pm_reason_counter& of) {
      return of.dropped_bytes + of.audited_bytes + of.passed_bytes;
    };
    pm_reason_counter old = before != nullptr ? pm_reason_counter{} : reason.total;
    if (before != nullptr)
      for (const ReasonCount& each : before->reasons)
        if (each.owner == reason.owner && each.direction == reason.direction &&
            each.reason == reason.reason && each.is_device == reason.is_device)
          old = each.total;
    const uint64_t delta = packets(reason.total) - packets(old);
    const char* fate = reason.total.dropped_packets != 0   ? "dropped: "
                       : reason.total.audited_packets != 0 ? "audited: "
                                                           : "passed: ";
    moved.push_back(
        {delta,
         {"+" + std::to_string(delta), std::to_string(packets(reason.total)),
          "+" + std::to_string(bytes(reason.total) - bytes(old)), ToString(reason.direction),
          OwnerText(reason.owner, reason.is_device) + " " + fate + ReasonWord(reason.reason)}});
  }
  std::stable_sort(moved.begin(), moved.end(),
                   [](const Row& a, const Row& b) { return a.delta > b.delta; });
  Rows table = {{"PACKETS", "IN ALL", "BYTES", "DIR", "RULE OR REASON"}};
  for (const Row& row : moved) {
    if (table.size() + 2 > rows) break;
    table.push_back(row.cells);
  }
  const double seconds =
      before != nullptr ? static_cast<double>(counters.monotonic - before->monotonic) / 1e9 : 0;
  std::string text = fmt::format("{}  generation {}  in {:.1f} s; {} rules\n",
                                 TimeText(counters.time).substr(0, 19), counters.generation.number,
                                 seconds, counters.rules.size()) +
                     AlignedTable(table, {0, 1, 2});
  std::string cut;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    cut += text.substr(at, std::min(end - at, columns)) + "\n";
    at = end + 1;
  }
  return cut;
}

}  // namespace portmatrix
