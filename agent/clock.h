// SPDX-License-Identifier: Apache-2.0
// The clocks that the agent's decisions depend on.
#ifndef PORTMATRIX_AGENT_CLOCK_H_
#define PORTMATRIX_AGENT_CLOCK_H_

#include <cstdint>

namespace portmatrix {

class Clock {
 public:
  virtual ~Clock() = default;
  // CLOCK_BOOTTIME, in which deadlines are written: it runs on while the machine sleeps, and nobody
  // sets it.
  virtual uint64_t BootMilliseconds() const = 0;
  // CLOCK_MONOTONIC in nanoseconds, by which the program judges.
  virtual uint64_t ProgramNanoseconds() const = 0;
  // Nanoseconds since 1970.
  virtual int64_t Now() const = 0;
  int64_t NowSeconds() const { return Now() / 1'000'000'000; }
};

class SystemClock final : public Clock {
 public:
  uint64_t BootMilliseconds() const override;
  uint64_t ProgramNanoseconds() const override;
  int64_t Now() const override;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_CLOCK_H_
