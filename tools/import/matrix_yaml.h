// SPDX-License-Identifier: Apache-2.0
// What was imported, as a policy file.
#ifndef PORTMATRIX_TOOLS_IMPORT_MATRIX_YAML_H_
#define PORTMATRIX_TOOLS_IMPORT_MATRIX_YAML_H_

#include <string>

#include "tools/import/import.h"

namespace portmatrix {

// A document for each matrix and one for the sets. Each rule has the row that it comes from above
// it; a row that was not understood is a comment in its place.
std::string MatrixYaml(const Import& import, const std::string& file);

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_IMPORT_MATRIX_YAML_H_
