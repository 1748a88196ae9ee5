// SPDX-License-Identifier: Apache-2.0
// Counters as tables.
#ifndef PORTMATRIX_TOOLS_COUNTER_TEXT_H_
#define PORTMATRIX_TOOLS_COUNTER_TEXT_H_

#include <string>

#include "agent/counter_json.h"
#include "agent/datapath/pinned_reader.h"

namespace portmatrix {

// Rules and interfaces in full, reasons and devices where they are not zero.
std::string CountersTable(const CounterSnapshot& counters);

// What came since `before` and in all, of rules and reasons that moved most first; at most `rows`
// lines, each at most `columns` wide.
std::string ChangesTable(const CounterSnapshot& counters, const CounterSnapshot* before,
                         size_t rows, size_t columns);

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_COUNTER_TEXT_H_
