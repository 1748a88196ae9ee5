// SPDX-License-Identifier: Apache-2.0
#include "agent/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <utility>
#include <vector>

#include "agent/policy/model.h"

namespace portmatrix {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

class Families {
 public:
  MetricFamily& Add(const char* name, const char* help, MetricType type) {
    families_.push_back({name, help, type, {}});
    return families_.back();
  }
  void Gauge(const char* name, const char* help, double value) {
    Put(Add(name, help, MetricType::Gauge), {}, value);
  }
  static void Put(MetricFamily& family, Labels labels, double value) {
    ClientMetric metric;
    metric.label = std::move(labels);
    if (family.type == MetricType::Counter)
      metric.counter.value = value;
    else
      metric.gauge.value = value;
    family.metric.push_back(std::move(metric));
  }
  std::string Text() const { return prometheus::TextSerializer().Serialize(families_); }

 private:
  std::vector<MetricFamily> families_;
};

// Exact below 2^53: Prometheus counts in doubles.
double Number(uint64_t value) { return static_cast<double>(value); }

void AddRules(const CounterSnapshot& snapshot, Families& to) {
  const auto add = [&](const char* name, const char* help, __u64 pm_rule_counter::*forward,
                       __u64 pm_rule_counter::*reply) {
    MetricFamily& family = to.Add(name, help, MetricType::Counter);
    for (const RuleCount& rule : snapshot.rules) {
      for (const auto& [way, field] : {std::pair{"forward", forward}, {"reply", reply}}) {
        Families::Put(family,
                      {{"interface", rule.interface},
                       {"rule", rule.rule.key},
                       {"direction", ToString(rule.rule.direction)},
                       {"way", way}},
                      Number(rule.total.*field));
      }
    }
  };
  add("portmatrix_rule_packets_total",
      "Packets credited to a rule: forward in its direction, reply in the other",
      &pm_rule_counter::packets, &pm_rule_counter::reply_packets);
  add("portmatrix_rule_bytes_total", "Bytes credited to a rule", &pm_rule_counter::bytes,
      &pm_rule_counter::reply_bytes);
}

void AddReasons(const CounterSnapshot& snapshot, Families& to) {
  const auto add = [&](const char* name, const char* help, __u64 pm_reason_counter::*field) {
    MetricFamily& family = to.Add(name, help, MetricType::Counter);
    for (const ReasonCount& reason : snapshot.reasons) {
      if (reason.reason == PM_REASON_RULE || reason.reason == PM_REASON_REPLY) continue;
      Families::Put(family,
                    {{reason.is_device ? "device" : "interface", reason.owner},
                     {"direction", ToString(reason.direction)},
                     {"reason", ReasonWord(reason.reason)}},
                    Number(reason.total.*field));
    }
  };
  add("portmatrix_dropped_packets_total", "Packets dropped, by reason",
      &pm_reason_counter::dropped_packets);
  add("portmatrix_audited_packets_total", "Packets that audit mode let pass",
      &pm_reason_counter::audited_packets);
  add("portmatrix_passed_packets_total", "Packets passed for a reason that is no rule",
      &pm_reason_counter::passed_packets);
  MetricFamily& faults = to.Add("portmatrix_faults_total",
                                "Failures of kernel calls inside the program", MetricType::Counter);
  for (const auto& [word, count] : snapshot.faults)
    Families::Put(faults, {{"fault", word}}, Number(count));
}

}  // namespace

std::string MetricsText(const AgentGauges& gauges, const CounterSnapshot* snapshot) {
  Families families;
  Families::Put(families.Add("portmatrix_build_info", "Always 1", MetricType::Gauge),
                {{"version", PORTMATRIX_VERSION}}, 1);
  families.Gauge("portmatrix_policy_generation",
                 "Number of the judging generation, 0: nothing is in force",
                 Number(gauges.generation.value_or(0)));
  families.Gauge("portmatrix_policy_on_trial", "1 while a change waits for its confirmation",
                 gauges.on_trial ? 1 : 0);
  families.Gauge("portmatrix_alarms", "Alarms that stand", Number(gauges.alarms.size()));
  MetricFamily& alarms =
      families.Add("portmatrix_alarm", "1 for each alarm that stands", MetricType::Gauge);
  for (const std::string& subject : gauges.alarms) Families::Put(alarms, {{"subject", subject}}, 1);
  if (gauges.last_change)
    families.Gauge("portmatrix_policy_last_reload_success_timestamp_seconds",
                   "When the judging generation was installed",
                   static_cast<double>(*gauges.last_change) / 1e9);
  MetricFamily& devices = families.Add("portmatrix_interface_protected",
                                       "1 if the device's hooks are in place", MetricType::Gauge);
  for (const std::string& device : gauges.protected_devices)
    Families::Put(devices, {{"device", device}}, 1);
  for (const std::string& device : gauges.unprotected_devices)
    Families::Put(devices, {{"device", device}}, 0);
  MetricFamily& gaps = families.Add("portmatrix_interface_unprotected_seconds_total",
                                    "How long the device was not protected though it should have "
                                    "been, since the agent started",
                                    MetricType::Counter);
  for (const auto& [device, milliseconds] : gauges.unprotected_milliseconds)
    Families::Put(gaps, {{"device", device}}, Number(milliseconds) / 1e3);
  families.Gauge("portmatrix_counters_readable", "1 if the counters could be read",
                 snapshot != nullptr ? 1 : 0);
  if (snapshot != nullptr) {
    AddRules(*snapshot, families);
    AddReasons(*snapshot, families);
  }
  return families.Text();
}

}  // namespace portmatrix
