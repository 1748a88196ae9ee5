// SPDX-License-Identifier: Apache-2.0
// The matrix of a node as one HTML page that needs nothing else: no script, no style, no font from
// elsewhere. What an auditor asks for: interfaces, who may talk to whom, what was used when.
#ifndef PORTMATRIX_TOOLS_REPORT_PAGE_H_
#define PORTMATRIX_TOOLS_REPORT_PAGE_H_

#include <string>

#include "agent/datapath/pinned_reader.h"
#include "agent/policy/model.h"

namespace portmatrix {

std::string ReportPage(const Node& node, const CounterSnapshot& counters);

// Text that stands between tags or in an attribute.
std::string HtmlText(const std::string& text);

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_REPORT_PAGE_H_
