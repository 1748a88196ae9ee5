// SPDX-License-Identifier: Apache-2.0
// The kernel program's parser against the reference decoder: two pieces of code that share no line
// and must learn the same from every frame.
#ifndef PORTMATRIX_TESTS_FUZZ_PARSER_AGREEMENT_H_
#define PORTMATRIX_TESTS_FUZZ_PARSER_AGREEMENT_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace portmatrix {

struct ParserInput {
  std::span<const uint8_t> frame;
  bool segmented = false;
  std::optional<uint16_t> tag;  // control of one that travels beside the frame
};

// The first difference, in words; empty if there is none.
std::string ParserDifference(const ParserInput& input);

// An input of the fuzzer: bit 0 of the first byte says segmented, bit 1 that a tag's two bytes
// follow; the rest is the frame.
ParserInput FromFuzzer(std::span<const uint8_t> bytes);

}  // namespace portmatrix

#endif  // PORTMATRIX_TESTS_FUZZ_PARSER_AGREEMENT_H_
