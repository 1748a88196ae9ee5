// SPDX-License-Identifier: Apache-2.0
#include "agent/counter_streams.h"

#include <algorithm>
#include <string>
#include <utility>

#include "agent/counter_json.h"

namespace portmatrix {
namespace {

HttpStream::Text Line(std::string json) {
  json += '\n';
  return std::make_shared<const std::string>(std::move(json));
}

}  // namespace

std::shared_ptr<HttpStream> CounterStreams::Open(uint64_t interval_milliseconds, uint64_t now) {
  const uint64_t interval =
      std::clamp(interval_milliseconds, kLeastIntervalMilliseconds, kMostIntervalMilliseconds) /
      kIntervalStepMilliseconds * kIntervalStepMilliseconds;
  const auto found = groups_.find(interval);
  if (found == groups_.end() && groups_.size() >= kMostIntervals) return nullptr;
  Group& group = groups_[interval];
  auto stream = std::make_shared<HttpStream>(kMostWaitingCounterBytes);
  // Its line of the beginning: the totals from which the group's next line counts on.
  if (group.readers.empty()) {
    group.due = now + interval;
    if (auto counters = read_(); counters)
      group.before = std::make_shared<const CounterSnapshot>(std::move(*counters));
    else
      group.before.reset();
  }
  if (group.before) stream->Push(Line(CountersJson(*group.before, nullptr)));
  group.readers.push_back(stream);
  return stream;
}

void CounterStreams::Tick(uint64_t now) {
  std::shared_ptr<const CounterSnapshot> read;
  for (auto group = groups_.begin(); group != groups_.end();) {
    auto& [interval, each] = *group;
    std::erase_if(each.readers, [](const auto& reader) { return reader->is_gone(); });
    if (each.readers.empty()) {
      group = groups_.erase(group);
      continue;
    }
    ++group;
    if (now < each.due) continue;
    // A moment that was missed is not made up for.
    each.due += (now - each.due) / interval * interval + interval;
    if (!read) {
      auto counters = read_();
      // Nothing is pinned (any more): readers wait for what comes.
      if (!counters) continue;
      read = std::make_shared<const CounterSnapshot>(std::move(*counters));
    }
    const HttpStream::Text line = Line(CountersJson(*read, each.before.get()));
    for (const auto& reader : each.readers) reader->Push(line);
    each.before = read;
  }
}

std::optional<uint64_t> CounterStreams::UntilNext(uint64_t now) const {
  std::optional<uint64_t> until;
  for (const auto& [interval, group] : groups_) {
    const uint64_t wait = group.due > now ? group.due - now : 0;
    if (!until || wait < *until) until = wait;
  }
  return until;
}

size_t CounterStreams::readers() const {
  size_t readers = 0;
  for (const auto& [interval, group] : groups_) readers += group.readers.size();
  return readers;
}

}  // namespace portmatrix
