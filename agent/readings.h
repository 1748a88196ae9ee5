// SPDX-License-Identifier: Apache-2.0
// The calls of the API that read what the kernel counts: once, or as a stream of JSON lines.
#ifndef PORTMATRIX_AGENT_READINGS_H_
#define PORTMATRIX_AGENT_READINGS_H_

#include <memory>
#include <string>
#include <utility>

#include "agent/counter_streams.h"
#include "agent/datapath/pinned_reader.h"
#include "agent/event_loop.h"
#include "agent/event_streams.h"
#include "agent/http_server.h"
#include "agent/last_hits.h"

namespace portmatrix {

class Readings {
 public:
  // `loop` outlives this.
  static Result<std::unique_ptr<Readings>> Start(EventLoop& loop, const std::string& pin_root,
                                                 const std::string& state_dir,
                                                 uint32_t event_budget);

  // GET /v1/counters: one object; GET /v1/counters/stream?interval=SECONDS; GET /v1/hits;
  // GET /v1/events/stream?heads=true.
  HttpReply Serve(const HttpCall& call);
  // Takes up when rules were last hit, and keeps it on the disk.
  Result<void> KeepHits();

 private:
  Readings(std::string pin_root, const std::string& state_dir, uint32_t event_budget);
  Result<CounterSnapshot> ReadPinned();
  // The same for one who asks once: what the reader keeps for the next time is kept only while
  // somebody follows.
  Result<CounterSnapshot> ReadOnce();
  HttpReply Counters();
  HttpReply StreamCounters(const HttpCall& call);
  HttpReply StreamEvents(const HttpCall& call);
  HttpReply Hits();
  void Tick();
  void TickEvents();

  std::string pin_root_;
  std::unique_ptr<PinnedReader> reader_;  // null: nothing was pinned so far
  CounterStreams counters_;
  EventStreams events_;
  LastHits hits_;
  EventLoop::Timer* timer_ = nullptr;
  EventLoop::Timer* events_timer_ = nullptr;
  EventLoop::Timer* hits_timer_ = nullptr;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_READINGS_H_
