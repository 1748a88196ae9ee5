// SPDX-License-Identifier: Apache-2.0
// The calls of the API that read what the kernel counts: once, or as a stream of JSON lines.
#ifndef PORTMATRIX_AGENT_READINGS_H_
#define PORTMATRIX_AGENT_READINGS_H_

#include <memory>
#include <string>
#include <utility>

#include "agent/counter_streams.h"
#include "agent/event_loop.h"
#include "agent/http_server.h"

namespace portmatrix {

class Readings {
 public:
  // `loop` outlives this.
  static Result<std::unique_ptr<Readings>> Start(EventLoop& loop, const std::string& pin_root);

  // GET /v1/counters: one object; GET /v1/counters/stream?interval=SECONDS.
  HttpReply Serve(const HttpCall& call);

 private:
  explicit Readings(std::string pin_root);
  HttpReply Counters();
  HttpReply StreamCounters(const HttpCall& call);
  void Tick();

  std::string pin_root_;
  CounterStreams counters_;
  EventLoop::Timer* timer_ = nullptr;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_READINGS_H_
