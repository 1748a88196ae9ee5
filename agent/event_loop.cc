// SPDX-License-Identifier: Apache-2.0
#include "agent/event_loop.h"

#include <sys/epoll.h>
#include <systemd/sd-event.h>

#include <csignal>
#include <ctime>
#include <string>
#include <utility>

namespace portmatrix {

struct EventLoop::Source {
  explicit Source(Task run) : task(std::move(run)) {}
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  ~Source() { sd_event_source_disable_unref(source); }

  Task task;
  sd_event_source* source = nullptr;
};

Result<std::unique_ptr<EventLoop>> EventLoop::Make() {
  sd_event* loop = nullptr;
  if (const int failed = sd_event_new(&loop); failed < 0)
    return Error{"make the event loop", "", -failed, ""};
  return std::unique_ptr<EventLoop>(new EventLoop(loop));
}

EventLoop::EventLoop(sd_event* loop) : loop_(loop) {}

EventLoop::~EventLoop() {
  sources_.clear();
  for (const std::unique_ptr<Timer>& timer : timers_) sd_event_source_disable_unref(timer->source_);
  sd_event_unref(loop_);
}

Result<void> EventLoop::OnReadable(int fd, Task task) {
  auto made = std::make_unique<Source>(std::move(task));
  const auto run = [](sd_event_source*, int, uint32_t, void* source) {
    static_cast<Source*>(source)->task();
    return 0;
  };
  if (const int failed = sd_event_add_io(loop_, &made->source, fd, EPOLLIN, run, made.get());
      failed < 0)
    return Error{"watch descriptor", std::to_string(fd), -failed, ""};
  sources_.push_back(std::move(made));
  return {};
}

Result<void> EventLoop::OnSignal(int signal, Task task) {
  sigset_t one{};
  sigemptyset(&one);
  sigaddset(&one, signal);
  sigprocmask(SIG_BLOCK, &one, nullptr);
  auto made = std::make_unique<Source>(std::move(task));
  const auto run = [](sd_event_source*, const signalfd_siginfo*, void* source) {
    static_cast<Source*>(source)->task();
    return 0;
  };
  if (const int failed = sd_event_add_signal(loop_, &made->source, signal, run, made.get());
      failed < 0)
    return Error{"wait for signal", std::to_string(signal), -failed, ""};
  sources_.push_back(std::move(made));
  return {};
}

Result<EventLoop::Timer*> EventLoop::MakeTimer(Task task) {
  std::unique_ptr<Timer> made(new Timer(nullptr, std::move(task)));
  const auto run = [](sd_event_source*, uint64_t, void* timer) {
    static_cast<Timer*>(timer)->is_set_ = false;
    static_cast<Timer*>(timer)->task_();
    return 0;
  };
  const int failed =
      sd_event_add_time_relative(loop_, &made->source_, CLOCK_BOOTTIME, 0, 1000, run, made.get());
  if (failed < 0) return Error{"make a timer", "", -failed, ""};
  sd_event_source_set_enabled(made->source_, SD_EVENT_OFF);
  timers_.push_back(std::move(made));
  return timers_.back().get();
}

void EventLoop::Timer::Set(uint64_t milliseconds) {
  sd_event_source_set_time_relative(source_, milliseconds * 1000);
  sd_event_source_set_enabled(source_, SD_EVENT_ONESHOT);
  is_set_ = true;
}

Result<void> EventLoop::Run() {
  // Only now: systemd counts from the first word on, and the verifier may take longer than its
  // patience.
  if (const int failed = sd_event_set_watchdog(loop_, 1); failed < 0)
    return Error{"feed the watchdog", "", -failed, ""};
  if (const int failed = sd_event_loop(loop_); failed < 0)
    return Error{"run the event loop", "", -failed, ""};
  return {};
}

void EventLoop::Stop() { sd_event_exit(loop_, 0); }

}  // namespace portmatrix
