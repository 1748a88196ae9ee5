// SPDX-License-Identifier: Apache-2.0
// Prefixes as the intervals that they make of an address's bits.
#ifndef PORTMATRIX_AGENT_COMPILE_ADDRESS_INTERVALS_H_
#define PORTMATRIX_AGENT_COMPILE_ADDRESS_INTERVALS_H_

#include <cstdint>
#include <span>

#include "agent/compile/address_classes.h"
#include "agent/compile/search_tree.h"

namespace portmatrix {

// Ascending by address, then by length.
using PrefixClasses = std::span<const PrefixClass>;

// Bits [at, at + width) of an address, both multiples of 8, width at most 64.
uint64_t BitsOf(const Address& address, int at, int width);

// What bits [at, at + width) of an address make of it, for addresses that share the bits before:
// intervals of address words. All of `prefixes` share these bits; outside of them the class is
// `outer`. Addresses near prefixes longer than that have a wide tree for the 64 bits behind, added
// to `trees`.
WideIntervals AddressIntervals(PrefixClasses prefixes, uint32_t outer, int at, int width,
                               TreeTable* trees);

// The word for addresses of which a wide tree, added to `trees`, decides, or one class.
uint32_t WideWord(const WideIntervals& intervals, TreeTable* trees);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_COMPILE_ADDRESS_INTERVALS_H_
