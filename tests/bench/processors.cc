// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/processors.h"

#include <sched.h>

#include <chrono>

namespace portmatrix {
namespace {

constexpr std::chrono::milliseconds kBreath{2};

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

void RunOn(size_t processor, bool real_time) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(processor, &one);
  sched_setaffinity(0, sizeof one, &one);
  const sched_param priority{.sched_priority = 50};
  if (real_time) sched_setscheduler(0, SCHED_FIFO, &priority);
}

HeldProcessors::HeldProcessors(size_t first) {
  for (size_t i = first; i < std::thread::hardware_concurrency(); ++i)
    threads_.emplace_back([i](const std::stop_token& stop) {
      RunOn(i, true);
      while (!stop.stop_requested()) Pause();
    });
}

void LetOthersRun() { std::this_thread::sleep_for(kBreath); }

}  // namespace portmatrix
