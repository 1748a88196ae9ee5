// SPDX-License-Identifier: Apache-2.0
// A table as a page or a CSV file has it: texts in rows, and where they stand.
#ifndef PORTMATRIX_TOOLS_IMPORT_SUMMARY_TABLE_H_
#define PORTMATRIX_TOOLS_IMPORT_SUMMARY_TABLE_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace portmatrix {

// What is read at most. A file beyond them is refused, and told which and by how much.
inline constexpr size_t kMaxImportBytes = 4 << 20;
inline constexpr size_t kMaxImportRows = 4096;       // of all tables together
inline constexpr size_t kMaxImportColumns = 64;      // further cells of a row are not looked at
inline constexpr size_t kMaxImportTables = 256;      // further ones are not read
inline constexpr size_t kMaxImportCellBytes = 8192;  // a longer cell is cut

struct TableRow {
  size_t line = 0;  // from 1
  std::vector<std::string> cells;
};

struct SummaryTable {
  std::string heading;  // of the section that it stands in; may be empty
  size_t line = 0;
  std::vector<std::string> columns;
  std::vector<TableRow> rows;
};

// Pieces of a file that could not be read as a table, for the report.
struct TableProblem {
  size_t line = 0;
  std::string message;
};

struct TablesRead {
  std::vector<SummaryTable> tables;
  std::vector<TableProblem> problems;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_IMPORT_SUMMARY_TABLE_H_
