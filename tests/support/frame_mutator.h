// SPDX-License-Identifier: Apache-2.0
// Damage to frames: what a well-formed frame becomes on its way to a parser's blind spot.
#ifndef PORTMATRIX_TESTS_SUPPORT_FRAME_MUTATOR_H_
#define PORTMATRIX_TESTS_SUPPORT_FRAME_MUTATOR_H_

#include <cstdint>
#include <vector>

#include "tests/support/random.h"

namespace portmatrix {

// One to three of: bits flipped, the end cut off, bytes inserted or taken out, a header field set
// to something next to what it was or to an extreme. Seldom shorter than an Ethernet header.
void MutateFrame(Random& random, std::vector<uint8_t>& frame);

// What senders leave in the length fields of a super-packet: zero, one segment's, anything. Of IP,
// and of UDP where it follows at once.
void ForgetLengths(Random& random, std::vector<uint8_t>& frame);

}  // namespace portmatrix

#endif  // PORTMATRIX_TESTS_SUPPORT_FRAME_MUTATOR_H_
