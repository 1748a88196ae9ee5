// SPDX-License-Identifier: Apache-2.0
// Events to whoever follows them. The ring has this one reader, and every line goes to all who
// follow; the kernel tells of packets only while somebody does. What was suppressed or lost is a
// line of its own, so that for each reader, from its first line on: packets told of + suppressed +
// lost = packets there were to tell of.
#ifndef PORTMATRIX_AGENT_EVENT_STREAMS_H_
#define PORTMATRIX_AGENT_EVENT_STREAMS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/datapath/event_source.h"
#include "agent/event_json.h"
#include "agent/http_stream.h"

namespace portmatrix {

inline constexpr uint32_t kDefaultEventBudget = 100;
// How long an event waits in the ring.
inline constexpr uint64_t kTakeMilliseconds = 50;
// Losses are told, and the kernel's permission is renewed, this often; an agent that dies or hangs
// leaves the kernel talking for no longer than the other.
inline constexpr uint64_t kRenewMilliseconds = 1000;
inline constexpr uint64_t kListenMilliseconds = 10'000;
// Waits for one reader at most.
inline constexpr size_t kMostWaitingEventBytes = size_t{8} << 20;

class EventStreams {
 public:
  using OpenSource = std::function<Result<std::unique_ptr<EventSource>>()>;
  EventStreams(OpenSource open, uint32_t budget) : open_(std::move(open)), budget_(budget) {}
  EventStreams(const EventStreams&) = delete;
  EventStreams& operator=(const EventStreams&) = delete;
  ~EventStreams() { End(); }

  // A new reader, with the beginnings of frames or without.
  std::shared_ptr<HttpStream> Open(bool heads, const EventMoment& now);
  // Passes on what came, and forgets readers that left.
  void Tick(const EventMoment& now);
  // Milliseconds until Tick has something to do; nothing while nobody reads.
  std::optional<uint64_t> UntilNext() const;
  size_t readers() const { return readers_.size(); }

 private:
  struct Reader {
    std::shared_ptr<HttpStream> stream;
    bool heads = false;
  };

  // Takes up the maps that are in force, if there are any.
  void TakeUp();
  void PassOn(const EventMoment& now);
  void TellLosses(const EventMoment& now);
  void LearnNames();
  void Push(const std::string& json);
  void End();

  OpenSource open_;
  uint32_t budget_;
  std::vector<Reader> readers_;
  std::unique_ptr<EventSource> source_;  // while somebody reads
  uint64_t renew_at_ = 0;                // nanoseconds
  EventTotals told_;
  std::vector<uint64_t> suppressed_told_;
  EventNames names_;
  uint64_t names_of_ = 0;  // the newest generation that they were learnt for
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_EVENT_STREAMS_H_
