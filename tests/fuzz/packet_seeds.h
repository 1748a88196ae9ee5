// SPDX-License-Identifier: Apache-2.0
// Frames from which the packet fuzzer starts: one for each turn that a parser can take.
#ifndef PORTMATRIX_TESTS_FUZZ_PACKET_SEEDS_H_
#define PORTMATRIX_TESTS_FUZZ_PACKET_SEEDS_H_

#include <cstdint>
#include <string>
#include <vector>

namespace portmatrix {

struct PacketSeed {
  std::string name;            // a file's, too
  std::vector<uint8_t> bytes;  // as FromFuzzer reads them
};

std::vector<PacketSeed> PacketSeeds();

}  // namespace portmatrix

#endif  // PORTMATRIX_TESTS_FUZZ_PACKET_SEEDS_H_
