// SPDX-License-Identifier: Apache-2.0
// The kernel's nftables in a network namespace of this process: devices on veth pairs, a ruleset
// loaded by nft, frames sent to the devices, and what each rule counted.
#ifndef PORTMATRIX_TESTS_KERNEL_NFTABLES_H_
#define PORTMATRIX_TESTS_KERNEL_NFTABLES_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>

#include "agent/datapath/file_descriptor.h"
#include "maps/numbering.h"

namespace portmatrix {

// Why there is no nftables here; empty: there is.
std::string WhyNoNftables();

class Nftables {
 public:
  // Leaves the process's namespace for one of its own, which ends with the process.
  static std::unique_ptr<Nftables> Enter();

  // Makes the device if it is not there, up and silent, with a peer to send from.
  void AddDevice(const std::string& device);
  // What nft says against the ruleset; empty: it judges from now on. With `check`, nothing changes.
  std::string Load(const std::string& ruleset, bool check = false);
  // The frame arrives at the device, or leaves by it.
  void Send(const std::string& device, Direction direction, std::span<const uint8_t> frame);

  // Packets counted since the ruleset was loaded: by "VERDICT COMMENT" of the rules that end in a
  // verdict.
  std::map<std::string, uint64_t> Counted(const std::string& table);

 private:
  Nftables() = default;
  std::map<std::string, FileDescriptor> sockets_;  // raw, by device and peer
};

}  // namespace portmatrix

#endif  // PORTMATRIX_TESTS_KERNEL_NFTABLES_H_
