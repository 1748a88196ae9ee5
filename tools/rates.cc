// SPDX-License-Identifier: Apache-2.0
#include "tools/rates.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "agent/policy/model.h"

namespace portmatrix {
namespace {

constexpr uint64_t kMinute = 60'000'000'000;
constexpr size_t kBars = 20;

MovingRow RowOf(const ReasonCount& reason, const char* fate, uint64_t packets, uint64_t bytes) {
  MovingRow row;
  row.interface = reason.owner;
  row.direction = ToString(reason.direction);
  row.reason = ReasonWord(reason.reason);
  row.name =
      fmt::format("{}{} {}: {}", reason.is_device ? "device " : "", reason.owner, fate, row.reason);
  row.packets = packets;
  row.bytes = bytes;
  row.is_dropped = std::string_view(fate) == "dropped";
  return row;
}

}  // namespace

bool RowFilter::Takes(const MovingRow& row) const {
  const auto takes = [](const std::string& word, const std::string& in) {
    return word.empty() || in.find(word) != std::string::npos;
  };
  return takes(interface, row.interface) && (direction.empty() || direction == row.direction) &&
         takes(rule, row.name) && takes(reason, row.reason);
}

void Rates::Add(MovingRow row, uint64_t now) {
  Past& past = past_[row.name + " " + row.direction];
  if (before_ && now > *before_) {
    const double seconds = static_cast<double>(now - *before_) / 1e9;
    // Of a slot that began anew, all that it shows is new.
    const auto grown = [](uint64_t counter, uint64_t then) {
      return static_cast<double>(counter >= then ? counter - then : counter);
    };
    row.packets_a_second = grown(row.packets, past.packets) / seconds;
    row.bytes_a_second = grown(row.bytes, past.bytes) / seconds;
    past.rates.emplace_back(now, row.packets_a_second);
  }
  past.packets = row.packets;
  past.bytes = row.bytes;
  while (!past.rates.empty() && past.rates.front().first + kMinute <= now) past.rates.pop_front();
  // The mean of each twentieth of the minute.
  std::vector<double> sums(kBars), counts(kBars);
  for (const auto& [when, rate] : past.rates) {
    const auto bar = kBars - 1 - std::min<uint64_t>((now - when) * kBars / kMinute, kBars - 1);
    sums[bar] += rate;
    counts[bar] += 1;
  }
  for (size_t i = 0; i < kBars; ++i) row.minute.push_back(counts[i] > 0 ? sums[i] / counts[i] : 0);
  rows_.push_back(std::move(row));
}

void Rates::Take(const CounterSnapshot& counters) {
  rows_.clear();
  const uint64_t now = counters.monotonic;
  for (const RuleCount& rule : counters.rules) {
    MovingRow row;
    row.name = rule.rule.key;
    row.interface = rule.interface;
    row.direction = ToString(rule.rule.direction);
    row.reason = "rule";
    row.packets = rule.total.packets + rule.total.reply_packets;
    row.bytes = rule.total.bytes + rule.total.reply_bytes;
    row.last_hit = rule.last_hit;
    row.in_force = rule.in_force;
    Add(std::move(row), now);
  }
  for (const ReasonCount& reason : counters.reasons) {
    const pm_reason_counter& total = reason.total;
    if (total.dropped_packets != 0)
      Add(RowOf(reason, "dropped", total.dropped_packets, total.dropped_bytes), now);
    if (total.audited_packets != 0)
      Add(RowOf(reason, "audited", total.audited_packets, total.audited_bytes), now);
    if (total.passed_packets != 0)
      Add(RowOf(reason, "passed", total.passed_packets, total.passed_bytes), now);
  }
  before_ = now;
}

std::vector<const MovingRow*> Chosen(const std::vector<MovingRow>& rows, const RowFilter& filter,
                                     RowOrder order) {
  std::vector<const MovingRow*> chosen;
  for (const MovingRow& row : rows)
    if (filter.Takes(row)) chosen.push_back(&row);
  std::stable_sort(chosen.begin(), chosen.end(), [order](const MovingRow* a, const MovingRow* b) {
    switch (order) {
      case RowOrder::kRate:
        return std::tuple(a->packets_a_second, a->packets) >
               std::tuple(b->packets_a_second, b->packets);
      case RowOrder::kTotal:
        return a->packets > b->packets;
      case RowOrder::kBytes:
        return std::tuple(a->bytes_a_second, a->bytes) > std::tuple(b->bytes_a_second, b->bytes);
      case RowOrder::kLastHit:
        return a->last_hit.value_or(0) > b->last_hit.value_or(0);
      case RowOrder::kName:
        return a->name < b->name;
    }
    return false;
  });
  return chosen;
}

std::string Sparkline(const std::vector<double>& values, size_t width) {
  constexpr const char* kHeights[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const size_t begin = values.size() > width ? values.size() - width : 0;
  double most = 0;
  for (size_t i = begin; i < values.size(); ++i) most = std::max(most, values[i]);
  std::string line;
  for (size_t i = begin; i < values.size(); ++i) {
    // Whatever moved at all is seen.
    const size_t height =
        values[i] <= 0 ? 0 : 1 + std::min<size_t>(static_cast<size_t>(values[i] / most * 7.999), 7);
    line += kHeights[height];
  }
  return line;
}

std::string Short(double number) {
  constexpr const char* kUnits[] = {"", "k", "M", "G", "T", "P", "E"};
  size_t unit = 0;
  while (number >= 999.5 && unit + 1 < std::size(kUnits)) {
    number /= 1000;
    ++unit;
  }
  const bool whole = number >= 9.95 || (unit == 0 && number == static_cast<int>(number));
  return whole ? fmt::format("{:.0f}{}", number, kUnits[unit])
               : fmt::format("{:.1f}{}", number, kUnits[unit]);
}

}  // namespace portmatrix
