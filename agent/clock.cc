// SPDX-License-Identifier: Apache-2.0
#include "agent/clock.h"

#include <ctime>

namespace portmatrix {
namespace {

int64_t Nanoseconds(clockid_t id) {
  timespec time{};
  clock_gettime(id, &time);
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

uint64_t SystemClock::BootMilliseconds() const {
  return static_cast<uint64_t>(Nanoseconds(CLOCK_BOOTTIME)) / 1'000'000;
}

uint64_t SystemClock::ProgramNanoseconds() const {
  return static_cast<uint64_t>(Nanoseconds(CLOCK_MONOTONIC));
}

int64_t SystemClock::Now() const { return Nanoseconds(CLOCK_REALTIME); }

}  // namespace portmatrix
