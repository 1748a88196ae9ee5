// SPDX-License-Identifier: Apache-2.0
// Counters to whoever follows them. Readers that ask for the same interval share one line; whatever
// their number, the maps are read once at a moment.
#ifndef PORTMATRIX_AGENT_COUNTER_STREAMS_H_
#define PORTMATRIX_AGENT_COUNTER_STREAMS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "agent/datapath/pinned_reader.h"
#include "agent/http_stream.h"

namespace portmatrix {

inline constexpr uint64_t kLeastIntervalMilliseconds = 100;
inline constexpr uint64_t kMostIntervalMilliseconds = 3'600'000;
// Intervals are multiples of this, so that few moments serve all.
inline constexpr uint64_t kIntervalStepMilliseconds = 100;
// Different intervals at the same time: each has lines of its own to be written.
inline constexpr size_t kMostIntervals = 8;
// Waits for one reader at most; several lines of the largest policy.
inline constexpr size_t kMostWaitingCounterBytes = size_t{32} << 20;

class CounterStreams {
 public:
  using Read = std::function<Result<CounterSnapshot>()>;
  explicit CounterStreams(Read read) : read_(std::move(read)) {}

  // A new reader, who gets the first line at once; null: too many different intervals are asked
  // for. `now` is milliseconds of any clock that only goes forward.
  std::shared_ptr<HttpStream> Open(uint64_t interval_milliseconds, uint64_t now);
  // Writes the lines that are due, and forgets readers that left.
  void Tick(uint64_t now);
  // Milliseconds until Tick has something to do; nothing while nobody reads.
  std::optional<uint64_t> UntilNext(uint64_t now) const;
  size_t readers() const;

 private:
  struct Group {
    uint64_t due = 0;
    std::shared_ptr<const CounterSnapshot> before;  // shared by groups of one moment
    std::vector<std::shared_ptr<HttpStream>> readers;
  };

  Read read_;
  std::map<uint64_t, Group> groups_;  // by interval
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_COUNTER_STREAMS_H_
