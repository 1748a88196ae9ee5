// SPDX-License-Identifier: Apache-2.0
// Text in aligned columns.
#ifndef PORTMATRIX_TOOLS_TABLE_H_
#define PORTMATRIX_TOOLS_TABLE_H_

#include <string>
#include <vector>

namespace portmatrix {

// The first row is the heading. Each column is as wide as its widest cell, two blanks lie between
// columns, and no line ends with a blank. `right` names the columns (from 0) that are flush right:
// numbers.
std::string AlignedTable(const std::vector<std::vector<std::string>>& rows,
                         const std::vector<size_t>& right = {});

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_TABLE_H_
