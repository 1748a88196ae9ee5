// SPDX-License-Identifier: Apache-2.0
// One key of a filter (event_filter.h) with one value: what it means, or what is wrong with it.
#ifndef PORTMATRIX_TOOLS_EVENTS_FILTER_TERM_H_
#define PORTMATRIX_TOOLS_EVENTS_FILTER_TERM_H_

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tools/events/event_filter.h"

namespace portmatrix {

// All keys, in the order in which messages list them.
const std::vector<std::string>& FilterKeys();

struct ValueProblem {
  std::string message;
  std::string hint;
};

// `key` is one of FilterKeys().
std::variant<EventFilter, ValueProblem> MakeTerm(std::string_view key, const std::string& value);

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_EVENTS_FILTER_TERM_H_
