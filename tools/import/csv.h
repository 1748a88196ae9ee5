// SPDX-License-Identifier: Apache-2.0
// Comma-separated values (RFC 4180), as spreadsheets write them: also with semicolons or tabs.
#ifndef PORTMATRIX_TOOLS_IMPORT_CSV_H_
#define PORTMATRIX_TOOLS_IMPORT_CSV_H_

#include <string_view>

#include "tools/import/summary_table.h"

namespace portmatrix {

// One table: the first record names the columns. The separator is what stands most often in that
// record outside quotes. A quote that is never closed, and text behind a closing quote, are
// problems; such a record is left out.
TablesRead ReadCsv(std::string_view text);

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_IMPORT_CSV_H_
