// SPDX-License-Identifier: Apache-2.0
// What the process does with memory that was freed. Most changes are small, and take what the one
// before left; a large policy leaves a hundred megabytes that nobody asks for again.
#ifndef PORTMATRIX_AGENT_HEAP_H_
#define PORTMATRIX_AGENT_HEAP_H_

#include <cstddef>

namespace portmatrix {

// A policy of so many rules leaves enough to be handed back; and so does one of this much text.
inline constexpr size_t kManyRules = 10'001;
inline constexpr size_t kLargePolicyBytes = size_t{1} << 20;

enum class Freed {
  kKept,        // for the next allocation: no page is made twice
  kHandedBack,  // to the kernel, as soon as a page is free
};

// Of all that is freed from now on. Without effect where the allocator cannot be told (in tests and
// under sanitizers).
void TreatFreed(Freed as);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_HEAP_H_
