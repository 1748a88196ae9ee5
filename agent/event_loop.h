// SPDX-License-Identifier: Apache-2.0
// The daemon's one loop: descriptors, timers and signals, each with what to do. A thin owner around
// sd-event, which also feeds systemd's watchdog while the loop runs.
#ifndef PORTMATRIX_AGENT_EVENT_LOOP_H_
#define PORTMATRIX_AGENT_EVENT_LOOP_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "agent/datapath/result.h"

struct sd_event;
struct sd_event_source;

namespace portmatrix {

class EventLoop {
 public:
  using Task = std::function<void()>;

  static Result<std::unique_ptr<EventLoop>> Make();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  ~EventLoop();

  // Runs `task` whenever `fd`, which outlives the loop, can be read.
  Result<void> OnReadable(int fd, Task task);
  // The signal is blocked, and comes as an event from now on.
  Result<void> OnSignal(int signal, Task task);

  // A timer that rings once whenever it is set; setting it again moves it. It lives as long as the
  // loop.
  class Timer;
  Result<Timer*> MakeTimer(Task task);

  // Returns when Stop was called. Feeds the watchdog meanwhile, and not before.
  Result<void> Run();
  void Stop();

 private:
  struct Source;
  explicit EventLoop(sd_event* loop);

  sd_event* loop_;
  std::vector<std::unique_ptr<Source>> sources_;
  std::vector<std::unique_ptr<Timer>> timers_;
};

class EventLoop::Timer {
 public:
  void Set(uint64_t milliseconds);
  bool is_set() const { return is_set_; }

 private:
  friend class EventLoop;
  Timer(sd_event_source* source, Task task) : source_(source), task_(std::move(task)) {}

  sd_event_source* source_;
  Task task_;
  bool is_set_ = false;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_EVENT_LOOP_H_
