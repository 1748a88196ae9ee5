// SPDX-License-Identifier: Apache-2.0
// Frames drawn from a policy's rules: what the measurements send.
#ifndef PORTMATRIX_TESTS_BENCH_FRAMES_H_
#define PORTMATRIX_TESTS_BENCH_FRAMES_H_

#include <optional>
#include <random>
#include <vector>

#include "agent/policy/model.h"
#include "tests/bench/draw.h"

namespace portmatrix {

// A packet that `rule` means, anywhere in its addresses and ports: an opening TCP segment or a UDP
// datagram, without tags or extension headers. Nothing if it means no such packet of `family`. A
// rule that stands before may match it too.
std::optional<bench_frame> DrawFrame(const Rule& rule, const Interface& interface, Family family,
                                     std::mt19937_64& random);

// The answer to it.
bench_frame AnswerTo(const bench_frame& frame);

}  // namespace portmatrix

#endif  // PORTMATRIX_TESTS_BENCH_FRAMES_H_
