// SPDX-License-Identifier: Apache-2.0
// libFuzzer's entry to the kernel program's parser: it reads nothing outside of its frame, and
// learns what the reference decoder learns.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/fuzz/parser_agreement.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string difference =
      portmatrix::ParserDifference(portmatrix::FromFuzzer({bytes, size}));
  if (difference.empty()) return 0;
  std::fprintf(stderr, "%s\n", difference.c_str());
  std::abort();
}
