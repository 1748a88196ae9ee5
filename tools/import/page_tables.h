// SPDX-License-Identifier: Apache-2.0
// The tables of a page in Markdown or HTML, or in both at once: pipe tables and <table>, each with
// the heading of its section.
#ifndef PORTMATRIX_TOOLS_IMPORT_PAGE_TABLES_H_
#define PORTMATRIX_TOOLS_IMPORT_PAGE_TABLES_H_

#include <string_view>

#include "tools/import/summary_table.h"

namespace portmatrix {

// Comments, scripts, styles and fenced code of Markdown hold no tables. `text` must be UTF-8.
TablesRead ReadPage(std::string_view text);

// Is there a table of a page in this text at all?
bool LooksLikePage(std::string_view text);

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_IMPORT_PAGE_TABLES_H_
