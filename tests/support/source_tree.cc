// SPDX-License-Identifier: Apache-2.0
// The one file that knows a path of the machine that built it: all others compile alike in every checkout.
#include "tests/support/source_tree.h"

namespace portmatrix {

std::filesystem::path SourceTree() { return PORTMATRIX_SOURCE_DIR; }

}  // namespace portmatrix
