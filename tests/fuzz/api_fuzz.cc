// SPDX-License-Identifier: Apache-2.0
// libFuzzer's entry to the agent's API.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/fuzz/api_calls.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string problem = portmatrix::ApiProblem({reinterpret_cast<const char*>(bytes), size});
  if (problem.empty()) return 0;
  std::fprintf(stderr, "%s\n", problem.c_str());
  std::abort();
}
