// SPDX-License-Identifier: Apache-2.0
// Names of matrices, made of the headings over their tables.
#ifndef PORTMATRIX_TOOLS_IMPORT_MATRIX_NAME_H_
#define PORTMATRIX_TOOLS_IMPORT_MATRIX_NAME_H_

#include <string>
#include <vector>

namespace portmatrix {

// One for each heading, no two alike. Words that all headings begin with are left out ("Firewall
// Summary for ..."), and so are brackets, what stands before the last colon, and small words in
// front. Where nothing is left the name is made of `file`.
std::vector<std::string> MatrixNames(const std::vector<std::string>& headings,
                                     const std::string& file);

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_IMPORT_MATRIX_NAME_H_
