// SPDX-License-Identifier: Apache-2.0
// A policy in force on a device of a network namespace of the test's own, as an agent leaves it:
// pinned, attached, its files in a state directory. Nothing but the test sends there.
#ifndef PORTMATRIX_TESTS_KERNEL_LIVE_POLICY_H_
#define PORTMATRIX_TESTS_KERNEL_LIVE_POLICY_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "agent/datapath/kernel_datapath.h"
#include "tests/kernel/command_line.h"

namespace portmatrix {

class LivePolicy {
 public:
  // Device `pmt0` with 192.0.2.1/24 in a new namespace, which this process stays in; 192.0.2.2 is
  // behind it. Throws where that cannot be.
  explicit LivePolicy(const std::string& name);
  ~LivePolicy();
  LivePolicy(const LivePolicy&) = delete;
  LivePolicy& operator=(const LivePolicy&) = delete;

  // Lets node `live` of the policy text, whose file is called live.yaml, judge from now on. With
  // `deadline_milliseconds` since boot it is pending, the one before it waiting.
  void Install(const std::string& text, uint64_t deadline_milliseconds = 0);
  static uint64_t MillisecondsSinceBoot();

  // The node sends a datagram from its port to 192.0.2.2's.
  void Send(uint16_t from_port, uint16_t to_port) const;

  uint64_t Control() const;
  // Every pinned map by name, key by key, bytes in hexadecimal: all that is in force.
  std::map<std::string, std::string> Contents() const;

  // `portmatrix WORDS` on these pins.
  Ran Run(const std::string& words) const;
  const std::string& state_dir() const { return state_.path(); }

 private:
  void Swap(uint32_t judging, uint32_t previous, uint64_t deadline);

  std::string pin_root_;
  Folder state_;
  std::unique_ptr<KernelDatapath> datapath_;
  uint64_t generation_ = 0;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_TESTS_KERNEL_LIVE_POLICY_H_
