// SPDX-License-Identifier: Apache-2.0
#include "agent/heap.h"

#include <mimalloc.h>

// Only the daemon is linked with it.
#pragma weak mi_option_set

namespace portmatrix {
namespace {

// Longer than any change takes: what it frees it may take again.
constexpr long kKeptMilliseconds = 60'000;

}  // namespace

void TreatFreed(Freed as) {
  if (mi_option_set == nullptr) return;
  mi_option_set(mi_option_decommit_delay, as == Freed::kKept ? kKeptMilliseconds : 0);
}

}  // namespace portmatrix
