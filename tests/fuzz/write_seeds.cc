// SPDX-License-Identifier: Apache-2.0
// Writes the packet fuzzer's seeds into a directory, one a file: write_seeds DIRECTORY
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "tests/fuzz/packet_seeds.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: write_seeds DIRECTORY\n");
    return 2;
  }
  const std::filesystem::path directory = argv[1];
  std::filesystem::create_directories(directory);
  for (const portmatrix::PacketSeed& seed : portmatrix::PacketSeeds()) {
    std::ofstream file(directory / seed.name, std::ios::binary);
    file.write(reinterpret_cast<const char*>(seed.bytes.data()),
               static_cast<std::streamsize>(seed.bytes.size()));
    if (!file.flush()) return 1;
  }
  return 0;
}
