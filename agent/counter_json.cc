// SPDX-License-Identifier: Apache-2.0
#include "agent/counter_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <string_view>

#include "agent/json_text.h"
#include "agent/policy/model.h"

namespace portmatrix {
namespace {

// What `counter` grew by; one that began anew grew by all that it shows.
uint64_t Grown(uint64_t counter, uint64_t before) {
  return counter >= before ? counter - before : counter;
}

// `number` with `digits` digits.
void AppendDigits(int64_t number, size_t digits, std::string* to) {
  const size_t begin = to->size();
  to->append(digits, '0');
  for (size_t at = begin + digits; at > begin; number /= 10)
    (*to)[--at] = static_cast<char>('0' + number % 10);
}

// One for each rule of each line: the calendar of the C++ library, which asks for no time zone.
void AppendTime(int64_t nanoseconds, std::string* to) {
  using std::chrono::floor;
  const std::chrono::sys_time<std::chrono::nanoseconds> moment{
      std::chrono::nanoseconds(nanoseconds)};
  const auto day = floor<std::chrono::days>(moment);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(floor<std::chrono::microseconds>(moment - day));
  AppendDigits(int{date.year()}, 4, to);
  *to += '-';
  AppendDigits(unsigned{date.month()}, 2, to);
  *to += '-';
  AppendDigits(unsigned{date.day()}, 2, to);
  *to += 'T';
  AppendDigits(clock.hours().count(), 2, to);
  *to += ':';
  AppendDigits(clock.minutes().count(), 2, to);
  *to += ':';
  AppendDigits(clock.seconds().count(), 2, to);
  *to += '.';
  AppendDigits(clock.subseconds().count(), 6, to);
  *to += 'Z';
}

class Writer {
 public:
  Writer(bool deltas, size_t expected_bytes) : deltas_(deltas) { text_.reserve(expected_bytes); }

  void Raw(std::string_view text) { text_ += text; }
  void Text(std::string_view text) { AppendJsonText(text, &text_); }
  void Member(std::string_view key, std::string_view text) {
    Key("", key);
    Text(text);
  }
  void Time(std::string_view key, int64_t nanoseconds) {
    Key("", key);
    text_ += '"';
    AppendTime(nanoseconds, &text_);
    text_ += '"';
  }
  void Number(std::string_view key, uint64_t number) { Number("", key, number); }
  void Counted(std::string_view key, uint64_t total, uint64_t delta) {
    Number("", key, total);
    if (deltas_) Number("delta_", key, delta);
  }
  bool deltas() const { return deltas_; }
  std::string Take() { return std::move(text_); }

 private:
  void Key(std::string_view prefix, std::string_view key) {
    text_ += ",\"";
    text_ += prefix;
    text_ += key;
    text_ += "\":";
  }
  void Number(std::string_view prefix, std::string_view key, uint64_t number) {
    Key(prefix, key);
    const fmt::format_int digits(number);
    text_.append(digits.data(), digits.size());
  }

  bool deltas_;
  std::string text_;
};

void WriteRule(const RuleCount& rule, const pm_rule_counter& delta, Writer& to) {
  to.Raw("{\"rule\":");
  to.Text(rule.rule.key);
  to.Member("interface", rule.interface);
  to.Member("direction", ToString(rule.rule.direction));
  to.Counted("packets", rule.total.packets, delta.packets);
  to.Counted("bytes", rule.total.bytes, delta.bytes);
  to.Counted("reply_packets", rule.total.reply_packets, delta.reply_packets);
  to.Counted("reply_bytes", rule.total.reply_bytes, delta.reply_bytes);
  if (rule.last_hit)
    to.Time("last_hit", *rule.last_hit);
  else
    to.Raw(",\"last_hit\":null");
  if (!rule.in_force) to.Raw(",\"in_force\":false");
  to.Raw("}");
}

void WriteOwner(const std::string& owner, bool is_device, Direction direction, Writer& to) {
  to.Raw(is_device ? "{\"device\":" : "{\"interface\":");
  to.Text(owner);
  to.Member("direction", ToString(direction));
}

// The row of the same owner, direction and reason, which most often stands at the same place.
template <typename Row, typename Same>
const Row* Find(const std::vector<Row>* rows, size_t at, const Same& same) {
  if (rows == nullptr) return nullptr;
  if (at < rows->size() && same((*rows)[at])) return &(*rows)[at];
  const auto found = std::find_if(rows->begin(), rows->end(), same);
  return found == rows->end() ? nullptr : &*found;
}

void WriteReason(const ReasonCount& reason, const ReasonCount* before, Writer& to) {
  WriteOwner(reason.owner, reason.is_device, reason.direction, to);
  to.Member("reason", ReasonWord(reason.reason));
  constexpr std::pair<const char*, __u64 pm_reason_counter::*> kFields[] = {
      {"dropped_packets", &pm_reason_counter::dropped_packets},
      {"dropped_bytes", &pm_reason_counter::dropped_bytes},
      {"audited_packets", &pm_reason_counter::audited_packets},
      {"audited_bytes", &pm_reason_counter::audited_bytes},
      {"passed_packets", &pm_reason_counter::passed_packets},
      {"passed_bytes", &pm_reason_counter::passed_bytes}};
  for (const auto& [key, field] : kFields)
    to.Counted(key, reason.total.*field,
               Grown(reason.total.*field, before != nullptr ? before->total.*field : 0));
  to.Raw("}");
}

void WriteReasons(const CounterSnapshot& counters, const CounterSnapshot* before, bool devices,
                  Writer& to) {
  bool first = true;
  for (size_t i = 0; i < counters.reasons.size(); ++i) {
    const ReasonCount& reason = counters.reasons[i];
    if (reason.is_device != devices) continue;
    if (!first) to.Raw(",");
    first = false;
    WriteReason(reason,
                Find(before != nullptr ? &before->reasons : nullptr, i,
                     [&reason](const ReasonCount& other) {
                       return other.reason == reason.reason &&
                              other.direction == reason.direction &&
                              other.is_device == reason.is_device && other.owner == reason.owner;
                     }),
                to);
  }
}

void WriteSeen(const CounterSnapshot& counters, const CounterSnapshot* before, bool devices,
               Writer& to) {
  bool first = true;
  for (size_t i = 0; i < counters.seen.size(); ++i) {
    const SeenCount& seen = counters.seen[i];
    if (seen.is_device != devices) continue;
    if (!first) to.Raw(",");
    first = false;
    const SeenCount* old =
        Find(before != nullptr ? &before->seen : nullptr, i, [&seen](const SeenCount& other) {
          return other.direction == seen.direction && other.is_device == seen.is_device &&
                 other.owner == seen.owner;
        });
    WriteOwner(seen.owner, seen.is_device, seen.direction, to);
    to.Counted("packets", seen.total.packets,
               Grown(seen.total.packets, old != nullptr ? old->total.packets : 0));
    to.Counted("bytes", seen.total.bytes,
               Grown(seen.total.bytes, old != nullptr ? old->total.bytes : 0));
    to.Number("retired_packets", seen.retired.packets);
    to.Number("retired_bytes", seen.retired.bytes);
    to.Raw("}");
  }
}

std::string Write(const CounterSnapshot& counters, const CounterSnapshot* before, bool deltas) {
  constexpr size_t kBytesOfRule = 256, kBytesOfReason = 384;
  Writer to(deltas,
            counters.rules.size() * kBytesOfRule + counters.reasons.size() * kBytesOfReason);
  const pm_generation& generation = counters.generation;
  to.Raw("{\"node\":");
  to.Text({generation.node, strnlen(generation.node, sizeof generation.node)});
  to.Number("generation", generation.number);
  to.Time("time", counters.time);
  to.Number("monotonic_ns", counters.monotonic);
  // Without anything before, nothing is known to have grown.
  const CounterSnapshot* base = before != nullptr ? before : &counters;
  if (deltas) to.Number("interval_ns", counters.monotonic - base->monotonic);
  to.Raw(",\"rules\":[");
  RuleIncreases increases(base);
  for (size_t i = 0; i < counters.rules.size(); ++i) {
    if (i != 0) to.Raw(",");
    WriteRule(counters.rules[i], deltas ? increases.Of(counters.rules[i]) : pm_rule_counter{}, to);
  }
  to.Raw("],\"reasons\":[");
  WriteReasons(counters, base, false, to);
  to.Raw("],\"interfaces\":[");
  WriteSeen(counters, base, false, to);
  to.Raw("],\"devices\":[");
  WriteSeen(counters, base, true, to);
  to.Raw("],\"device_reasons\":[");
  WriteReasons(counters, base, true, to);
  to.Raw("],\"faults\":{");
  bool first = true;
  for (const auto& [word, count] : counters.faults) {
    to.Raw(fmt::format("{}\"{}\":{}", first ? "" : ",", word, count));
    first = false;
  }
  to.Raw("}}");
  return to.Take();
}

}  // namespace

RuleIncreases::RuleIncreases(const CounterSnapshot* before) : before_(before) {}

pm_rule_counter RuleIncreases::Of(const RuleCount& rule) {
  pm_rule_counter delta = rule.total;
  if (before_ == nullptr) return delta;
  const RuleCount* old = nullptr;
  if (next_ < before_->rules.size() && before_->rules[next_].rule == rule.rule) {
    old = &before_->rules[next_++];
  } else {
    if (by_identity_.empty())
      for (const RuleCount& each : before_->rules) by_identity_.emplace(each.rule, &each);
    if (const auto found = by_identity_.find(rule.rule); found != by_identity_.end()) {
      old = found->second;
      next_ = static_cast<size_t>(old - before_->rules.data()) + 1;
    }
  }
  if (old == nullptr) return delta;
  const pm_rule_counter& then = old->total;
  if (delta.packets < then.packets || delta.reply_packets < then.reply_packets) return delta;
  delta.packets -= then.packets;
  delta.bytes = Grown(delta.bytes, then.bytes);
  delta.reply_packets -= then.reply_packets;
  delta.reply_bytes = Grown(delta.reply_bytes, then.reply_bytes);
  return delta;
}

std::string TimeText(int64_t nanoseconds) {
  std::string text;
  AppendTime(nanoseconds, &text);
  return text;
}

std::string CountersJson(const CounterSnapshot& counters) {
  return Write(counters, nullptr, false);
}

std::string CountersJson(const CounterSnapshot& counters, const CounterSnapshot* before) {
  return Write(counters, before, true);
}

}  // namespace portmatrix
