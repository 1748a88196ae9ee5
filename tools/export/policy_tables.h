// SPDX-License-Identifier: Apache-2.0
// A node's policy as documents: a page in Markdown, and comma-separated values for a spreadsheet.
#ifndef PORTMATRIX_TOOLS_EXPORT_POLICY_TABLES_H_
#define PORTMATRIX_TOOLS_EXPORT_POLICY_TABLES_H_

#include <string>

#include "agent/policy/model.h"
#include "agent/policy/policy.h"

namespace portmatrix {

// Each interface with its properties and its rules in the order of judgement, then the failsafe and
// every set that is named, with its addresses.
std::string MarkdownText(const Node& node, const Policy& policy);

// A record for each failsafe entry and rule (RFC 4180). `portmatrix import` reads it.
std::string CsvText(const Node& node);

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_EXPORT_POLICY_TABLES_H_
