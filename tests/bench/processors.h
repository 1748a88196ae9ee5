// SPDX-License-Identifier: Apache-2.0
// A machine held still while something is measured: two processors may be one core's, and whatever
// runs on the other then takes half of it.
#ifndef PORTMATRIX_TESTS_BENCH_PROCESSORS_H_
#define PORTMATRIX_TESTS_BENCH_PROCESSORS_H_

#include <cstddef>
#include <stop_token>
#include <thread>
#include <vector>

namespace portmatrix {

// Binds the calling thread to a processor; with `real_time` nothing but the kernel interrupts it.
void RunOn(size_t processor, bool real_time);

// Keeps the processors from `first` on idle, and from everybody else, as long as it lives. No
// longer than some milliseconds at a time: the kernel takes real-time threads off after that.
class HeldProcessors {
 public:
  explicit HeldProcessors(size_t first);

 private:
  std::vector<std::jthread> threads_;
};

// What the machine may do for others between two runs.
void LetOthersRun();

}  // namespace portmatrix

#endif  // PORTMATRIX_TESTS_BENCH_PROCESSORS_H_
