// SPDX-License-Identifier: Apache-2.0
// Pieces of HTML, read by libxml2's forgiving parser: nothing is fetched, no entity of a document's
// own is expanded, and elements deeper than a page ever nests are left out. libxml2 is loaded when
// it is first needed; where that could fail, LoadMarkupParser comes before everything else here.
#ifndef PORTMATRIX_TOOLS_IMPORT_MARKUP_H_
#define PORTMATRIX_TOOLS_IMPORT_MARKUP_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "agent/datapath/result.h"
#include "tools/import/summary_table.h"

namespace portmatrix {

Result<void> LoadMarkupParser();

// The text of a piece of HTML in one spelling of blanks, paragraphs and line breaks as line ends.
// Where a translation has its original beside it (`<span data-ttu-id=…>translated</span><span
// class="sxs-lookup">original</span>`), the original alone.
std::string TextOfMarkup(std::string_view markup);

// The tables in `markup`, which begins at `line` of its file; of nested tables each by itself,
// inner ones after the outer one, and not in the outer one's cells. Cells that span rows or columns
// are repeated. Adds to `read`.
void ReadHtmlTables(std::string_view markup, size_t line, const std::string& heading,
                    TablesRead& read);

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_IMPORT_MARKUP_H_
