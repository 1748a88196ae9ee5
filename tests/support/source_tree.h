// SPDX-License-Identifier: Apache-2.0
// Where the files of this tree lie that tests read: shipped policies, pages, sources.
#ifndef PORTMATRIX_TESTS_SUPPORT_SOURCE_TREE_H_
#define PORTMATRIX_TESTS_SUPPORT_SOURCE_TREE_H_

#include <filesystem>

namespace portmatrix {

// The root of the tree from which the tests were built, absolute.
std::filesystem::path SourceTree();

}  // namespace portmatrix

#endif  // PORTMATRIX_TESTS_SUPPORT_SOURCE_TREE_H_
