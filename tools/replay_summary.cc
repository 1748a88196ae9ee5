// SPDX-License-Identifier: Apache-2.0
#include "tools/replay_summary.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/policy/model.h"
#include "tools/table.h"

namespace portmatrix {
namespace {

// 1234567 as "1,234,567".
std::string Grouped(uint64_t number) {
  std::string text = std::to_string(number);
  for (size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
  return text;
}

std::string Packets(uint64_t count) {
  return fmt::format("{} packet{}", Grouped(count), count == 1 ? "" : "s");
}

std::string PlaceText(const Sources& sources, const Rule& rule) {
  return fmt::format("{}:{}", FileOf(sources, rule.span).path, rule.span.line);
}

std::map<const Rule*, size_t> PositionsOf(const Node& node) {
  std::map<const Rule*, size_t> positions;
  for (const Interface& interface : node.interfaces) {
    for (const Rule& rule : interface.rules) positions.emplace(&rule, positions.size() + 1);
  }
  return positions;
}

}  // namespace

void ReplaySummary::Add(Direction direction, const CapturedFrame& frame, const Ruling& ruling) {
  Count& count = counts_[{!ruling.allowed, ruling.audited, ruling.reason, direction, ruling.rule}];
  ++count.packets;
  count.bytes += frame.bytes.size();
  if (packets_ == 0) first_ = latest_ = frame.time;
  ++packets_;
  ++by_direction_[static_cast<size_t>(direction)];
  allowed_ += ruling.allowed;
  audited_ += ruling.audited;
  truncated_ += frame.truncated;
  refused_ += ruling.refused;
  backwards_ += frame.time < latest_;
  latest_ = std::max(latest_, frame.time);
}

std::string ReplaySummary::Table(const Node& node, const Sources& sources) const {
  std::map<const Rule*, size_t> positions = PositionsOf(node);
  std::vector<std::pair<Key, Count>> rows(counts_.begin(), counts_.end());
  std::ranges::stable_sort(rows, [&](const auto& a, const auto& b) {
    const auto order = [&](const auto& row) {
      const auto& [dropped, audited, reason, direction, rule] = row.first;
      return std::tuple(dropped, rule == nullptr, positions[rule], reason, direction);
    };
    return order(a) < order(b);
  });
  std::vector<std::vector<std::string>> cells = {
      {"verdict", "reason", "direction", "packets", "bytes", "rule", "written at"}};
  for (const auto& [key, count] : rows) {
    const auto& [dropped, audited, reason, direction, rule] = key;
    cells.push_back({dropped ? audited ? "drop (audit)" : "drop" : "allow", ReasonWord(reason),
                     ToString(direction), Grouped(count.packets), Grouped(count.bytes),
                     rule != nullptr ? rule->key : "-",
                     rule != nullptr ? PlaceText(sources, *rule) : "-"});
  }
  return AlignedTable(cells, {3, 4});
}

std::string ReplaySummary::Total() const {
  std::string text =
      fmt::format("{} in {}.{:03} s of capture time ({} in, {} out): {} allowed, {} dropped",
                  Packets(packets_), Grouped((latest_ - first_) / 1'000'000'000),
                  (latest_ - first_) / 1'000'000 % 1000, Grouped(by_direction_[PM_IN]),
                  Grouped(by_direction_[PM_OUT]), Grouped(allowed_), Grouped(packets_ - allowed_));
  if (audited_ > 0) text += fmt::format(" (of which audit would pass {})", Grouped(audited_));
  return text;
}

std::vector<std::string> ReplaySummary::Remarks() const {
  std::vector<std::string> remarks;
  if (truncated_ > 0)
    remarks.push_back(fmt::format(
        "{} captured short: judged with zeros up to the wire length (capture with `tcpdump -s 0`)",
        Packets(truncated_)));
  if (refused_ > 0)
    remarks.push_back(fmt::format(
        "{} that the kernel does not test-run (shorter than the headers, or too long and "
        "with lengths that contradict each other): judged by the command itself",
        Packets(refused_)));
  if (backwards_ > 0)
    remarks.push_back(fmt::format(
        "{} with a time stamp before that of an earlier one: judged at the latest time so far",
        Packets(backwards_)));
  return remarks;
}

}  // namespace portmatrix
