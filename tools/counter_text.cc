// SPDX-License-Identifier: Apache-2.0
#include "tools/counter_text.h"

#include <fmt/format.h>
#include <time.h>

#include <cstring>
#include <vector>

#include "agent/policy/model.h"
#include "tools/table.h"

namespace portmatrix {
namespace {

using nlohmann::ordered_json;
using Rows = std::vector<std::vector<std::string>>;

const char* OwnerKey(bool is_device) { return is_device ? "device" : "interface"; }

ordered_json RuleJson(const RuleCount& rule) {
  ordered_json json = {{"rule", rule.rule.key},
                       {"interface", rule.interface},
                       {"direction", ToString(rule.rule.direction)},
                       {"packets", rule.total.packets},
                       {"bytes", rule.total.bytes},
                       {"reply_packets", rule.total.reply_packets},
                       {"reply_bytes", rule.total.reply_bytes},
                       {"last_hit", nullptr}};
  if (rule.last_hit) json["last_hit"] = TimeText(*rule.last_hit);
  if (!rule.in_force) json["in_force"] = false;
  return json;
}

ordered_json ReasonJson(const ReasonCount& reason) {
  return {{OwnerKey(reason.is_device), reason.owner},
          {"direction", ToString(reason.direction)},
          {"reason", ReasonWord(reason.reason)},
          {"dropped_packets", reason.total.dropped_packets},
          {"dropped_bytes", reason.total.dropped_bytes},
          {"audited_packets", reason.total.audited_packets},
          {"audited_bytes", reason.total.audited_bytes},
          {"passed_packets", reason.total.passed_packets},
          {"passed_bytes", reason.total.passed_bytes}};
}

ordered_json SeenJson(const SeenCount& seen) {
  return {{OwnerKey(seen.is_device), seen.owner},    {"direction", ToString(seen.direction)},
          {"packets", seen.total.packets},           {"bytes", seen.total.bytes},
          {"retired_packets", seen.retired.packets}, {"retired_bytes", seen.retired.bytes}};
}

bool IsZero(const pm_reason_counter& counter) {
  return counter.dropped_packets + counter.audited_packets + counter.passed_packets == 0;
}

std::string OwnerText(const std::string& owner, bool is_device) {
  return is_device ? "device " + owner : owner;
}

}  // namespace

std::string TimeText(int64_t nanoseconds) {
  const time_t seconds = nanoseconds / 1000000000;
  tm utc;
  gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                     nanoseconds % 1000000000 / 1000);
}

ordered_json CountersJson(const CounterSnapshot& counters) {
  ordered_json rules = ordered_json::array(), reasons = rules, interfaces = rules, devices = rules;
  for (const RuleCount& rule : counters.rules) rules.push_back(RuleJson(rule));
  ordered_json device_reasons = ordered_json::array();
  for (const ReasonCount& reason : counters.reasons)
    (reason.is_device ? device_reasons : reasons).push_back(ReasonJson(reason));
  for (const SeenCount& seen : counters.seen)
    (seen.is_device ? devices : interfaces).push_back(SeenJson(seen));
  ordered_json faults = ordered_json::object();
  for (const auto& [word, count] : counters.faults) faults[word] = count;
  const pm_generation& generation = counters.generation;
  return {{"node", std::string(generation.node, strnlen(generation.node, sizeof generation.node))},
          {"generation", generation.number},
          {"time", TimeText(counters.time)},
          {"rules", rules},
          {"reasons", reasons},
          {"interfaces", interfaces},
          {"devices", devices},
          {"device_reasons", device_reasons},
          {"faults", faults}};
}

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

}  // namespace portmatrix
