// SPDX-License-Identifier: Apache-2.0
#include "agent/metrics.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "agent/policy/model.h"

namespace portmatrix {
namespace {

// The text format of Prometheus, version 0.0.4, written straight out: integers stay exact, and a
// policy of ten thousand rules costs milliseconds.
class Exposition {
 public:
  void Family(const char* name, const char* type, const char* help) {
    name_ = name;
    fmt::format_to(std::back_inserter(text_), "# HELP {} {}\n# TYPE {} {}\n", name, help, name,
                   type);
  }
  // `labels` as Label made them, joined by commas.
  void Sample(std::string_view labels, uint64_t value) {
    Begin(labels);
    const fmt::format_int digits(value);
    Raw({digits.data(), digits.size()});
    Raw("\n");
  }
  void Sample(std::string_view labels, double value) {
    Begin(labels);
    fmt::format_to(std::back_inserter(text_), "{:.3f}\n", value);
  }
  std::string Take() { return fmt::to_string(text_); }

 private:
  void Begin(std::string_view labels) {
    Raw(name_);
    if (!labels.empty()) {
      Raw("{");
      Raw(labels);
      Raw("}");
    }
    Raw(" ");
  }
  void Raw(std::string_view text) { text_.append(text.data(), text.data() + text.size()); }

  std::string_view name_;
  fmt::memory_buffer text_;
};

std::string Label(std::string_view key, std::string_view value) {
  std::string label = std::string(key) + "=\"";
  for (const char c : value) {
    if (c == '\\' || c == '"') label += '\\';
    if (c == '\n')
      label += "\\n";
    else
      label += c;
  }
  return label + "\"";
}

std::string OwnerLabels(const std::string& owner, bool is_device, Direction direction) {
  return Label(is_device ? "device" : "interface", owner) + "," +
         Label("direction", ToString(direction));
}

void AddRules(const CounterSnapshot& snapshot, Exposition& to) {
  std::vector<std::string> labels;
  labels.reserve(snapshot.rules.size());
  for (const RuleCount& rule : snapshot.rules)
    labels.push_back(Label("interface", rule.interface) + "," + Label("rule", rule.rule.key) + "," +
                     Label("direction", ToString(rule.rule.direction)));
  const auto add = [&](const char* name, const char* help, __u64 pm_rule_counter::*forward,
                       __u64 pm_rule_counter::*reply) {
    to.Family(name, "counter", help);
    for (size_t i = 0; i < labels.size(); ++i) {
      to.Sample(labels[i] + ",way=\"forward\"", uint64_t{snapshot.rules[i].total.*forward});
      to.Sample(labels[i] + ",way=\"reply\"", uint64_t{snapshot.rules[i].total.*reply});
    }
  };
  add("portmatrix_rule_packets_total",
      "Packets credited to a rule: forward in its direction, reply in the other",
      &pm_rule_counter::packets, &pm_rule_counter::reply_packets);
  add("portmatrix_rule_bytes_total", "Bytes credited to a rule", &pm_rule_counter::bytes,
      &pm_rule_counter::reply_bytes);
  to.Family("portmatrix_rule_last_hit_timestamp_seconds", "gauge",
            "When a packet was last credited to a rule; absent: never");
  for (size_t i = 0; i < labels.size(); ++i)
    if (snapshot.rules[i].last_hit)
      to.Sample(labels[i], static_cast<double>(*snapshot.rules[i].last_hit) / 1e9);
  to.Family("portmatrix_rule_in_force", "gauge",
            "0: only a generation that a change may fall back to has the rule");
  for (size_t i = 0; i < labels.size(); ++i)
    to.Sample(labels[i], uint64_t{snapshot.rules[i].in_force ? 1u : 0u});
}

void AddReasons(const CounterSnapshot& snapshot, Exposition& to) {
  const auto add = [&](const char* name, const char* help, __u64 pm_reason_counter::*field) {
    to.Family(name, "counter", help);
    for (const ReasonCount& reason : snapshot.reasons) {
      // Counted by the rules.
      if (reason.reason == PM_REASON_RULE || reason.reason == PM_REASON_REPLY) continue;
      to.Sample(OwnerLabels(reason.owner, reason.is_device, reason.direction) + "," +
                    Label("reason", ReasonWord(reason.reason)),
                uint64_t{reason.total.*field});
    }
  };
  add("portmatrix_dropped_packets_total", "Packets dropped, by reason",
      &pm_reason_counter::dropped_packets);
  add("portmatrix_dropped_bytes_total", "Bytes dropped, by reason",
      &pm_reason_counter::dropped_bytes);
  add("portmatrix_audited_packets_total", "Packets that audit mode let pass",
      &pm_reason_counter::audited_packets);
  add("portmatrix_audited_bytes_total", "Bytes that audit mode let pass",
      &pm_reason_counter::audited_bytes);
  add("portmatrix_passed_packets_total", "Packets passed for a reason that is no rule",
      &pm_reason_counter::passed_packets);
  add("portmatrix_passed_bytes_total", "Bytes passed for a reason that is no rule",
      &pm_reason_counter::passed_bytes);
}

void AddSeen(const CounterSnapshot& snapshot, Exposition& to) {
  const auto add = [&](const char* name, const char* help, pm_seen_counter SeenCount::*part,
                       __u64 pm_seen_counter::*field) {
    to.Family(name, "counter", help);
    for (const SeenCount& seen : snapshot.seen)
      to.Sample(OwnerLabels(seen.owner, seen.is_device, seen.direction),
                uint64_t{seen.*part.*field});
  };
  add("portmatrix_seen_packets_total", "Packets that came by", &SeenCount::total,
      &pm_seen_counter::packets);
  add("portmatrix_seen_bytes_total", "Bytes that came by", &SeenCount::total,
      &pm_seen_counter::bytes);
  add("portmatrix_retired_packets_total", "Packets of rules that no generation has any more",
      &SeenCount::retired, &pm_seen_counter::packets);
  add("portmatrix_retired_bytes_total", "Bytes of rules that no generation has any more",
      &SeenCount::retired, &pm_seen_counter::bytes);
  to.Family("portmatrix_faults_total", "counter", "Failures of kernel calls inside the program");
  for (const auto& [word, count] : snapshot.faults) to.Sample(Label("fault", word), count);
}

void AddPolicy(const AgentGauges& gauges, Exposition& to) {
  to.Family("portmatrix_build_info", "gauge", "Always 1");
  to.Sample(Label("version", PORTMATRIX_VERSION), uint64_t{1});
  to.Family("portmatrix_policy_generation", "gauge",
            "Number of the judging generation, 0: nothing is in force");
  to.Sample("", gauges.generation.value_or(0));
  to.Family("portmatrix_policy_on_trial", "gauge", "1 while a change waits for its confirmation");
  to.Sample("", uint64_t{gauges.on_trial ? 1u : 0u});
  if (gauges.installed) {
    to.Family("portmatrix_policy_installed_timestamp_seconds", "gauge",
              "When the judging generation was installed");
    to.Sample("", static_cast<double>(*gauges.installed) / 1e9);
  }
  if (gauges.last_change) {
    to.Family("portmatrix_policy_last_change_timestamp_seconds", "gauge",
              "When a change of the policy was last tried, since the agent started");
    to.Sample("", static_cast<double>(gauges.last_change->at) / 1e9);
    to.Family("portmatrix_policy_last_change_success", "gauge", "1 if that change succeeded");
    to.Sample("", uint64_t{gauges.last_change->succeeded ? 1u : 0u});
  }
  to.Family("portmatrix_alarms", "gauge", "Alarms that stand");
  to.Sample("", uint64_t{gauges.alarms.size()});
  to.Family("portmatrix_alarm", "gauge", "1 for each alarm that stands");
  for (const std::string& subject : gauges.alarms)
    to.Sample(Label("subject", subject), uint64_t{1});
}

void AddDevices(const AgentGauges& gauges, Exposition& to) {
  to.Family("portmatrix_interface_protected", "gauge", "1 if the device's hooks are in place");
  for (const std::string& device : gauges.protected_devices)
    to.Sample(Label("device", device), uint64_t{1});
  for (const std::string& device : gauges.unprotected_devices)
    to.Sample(Label("device", device), uint64_t{0});
  to.Family("portmatrix_attachment_info", "gauge", "How a device is hooked; always 1");
  for (const Attachment& attachment : gauges.attachments)
    to.Sample(Label("device", attachment.device) + "," +
                  Label("xdp", attachment.xdp == PM_XDP_GENERIC ? "generic" : "native") + "," +
                  Label("tc", attachment.tc == PM_TC_CLSACT ? "clsact" : "tcx"),
              uint64_t{1});
  to.Family("portmatrix_interface_unprotected_seconds_total", "counter",
            "How long the device was not protected though it should have been, since the agent "
            "started");
  for (const auto& [device, milliseconds] : gauges.unprotected_milliseconds)
    to.Sample(Label("device", device), static_cast<double>(milliseconds) / 1e3);
  if (gauges.flow_limit == 0) return;
  to.Family("portmatrix_flow_entries", "gauge",
            "Entries of the conversation table, expired ones included");
  to.Sample("", gauges.flow_entries);
  to.Family("portmatrix_flow_entries_limit", "gauge", "Entries that the table holds at most");
  to.Sample("", gauges.flow_limit);
}

void AddEvents(const EventTotals& events, Exposition& to) {
  to.Family("portmatrix_event_packets_total", "counter",
            "Packets that somebody listened for: emitted as events, suppressed by the limit of "
            "their rule or reason, or lost because nobody took them in time");
  to.Sample(Label("outcome", "emitted"), events.emitted);
  to.Sample(Label("outcome", "suppressed"), events.suppressed);
  to.Sample(Label("outcome", "lost"), events.lost);
}

}  // namespace

std::string MetricsText(const AgentGauges& gauges, const CounterSnapshot* snapshot) {
  Exposition to;
  AddPolicy(gauges, to);
  AddDevices(gauges, to);
  if (gauges.events) AddEvents(*gauges.events, to);
  to.Family("portmatrix_counters_readable", "gauge", "1 if the counters could be read");
  to.Sample("", uint64_t{snapshot != nullptr ? 1u : 0u});
  if (snapshot != nullptr) {
    AddRules(*snapshot, to);
    AddReasons(*snapshot, to);
    AddSeen(*snapshot, to);
  }
  return to.Take();
}

}  // namespace portmatrix
