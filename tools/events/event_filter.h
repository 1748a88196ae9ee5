// SPDX-License-Identifier: Apache-2.0
// Which packets of the event stream somebody wants to see.
//
//   filter = and { "or" and }
//   and    = not { ["and"] not }
//   not    = "not" not | "(" filter ")" | term
//   term   = key ["=" | "!="] value { "," value }      true for any of the values
//
//   interface, device, rule   names; `*` stands for anything: rule external/*
//   direction                 in, out
//   verdict                   allow, drop, audit (passed, would have dropped)
//   reason                    the words of `portmatrix counters`
//   from, to, host            an address or a prefix; host is either side
//   protocol                  tcp, udp, sctp, icmp, icmpv6, a number
//   port, source_port         a port or a range; port is the destination's, as in a policy
//   icmp_type, icmp_code      numbers
//   flags                     of SAFRPUEC: packets that have all of these TCP flags
//   vlan                      a VID of any tag, none
//   fragment                  first, later, whole
//   generation                a number
//
// `&&`, `||`, `!` and `==` may stand for the words. What a packet has not (a port of ICMP) is equal
// to nothing.
#ifndef PORTMATRIX_TOOLS_EVENTS_EVENT_FILTER_H_
#define PORTMATRIX_TOOLS_EVENTS_EVENT_FILTER_H_

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <variant>

#include "tools/events/event_line.h"

namespace portmatrix {

using EventFilter = std::function<bool(const EventLine&)>;

struct FilterError {
  size_t at = 0;  // byte of the expression
  size_t length = 1;
  std::string message;
  std::string hint;  // may be empty
};

// An empty expression lets every packet through.
std::variant<EventFilter, FilterError> ParseEventFilter(std::string_view expression);

// The message, the expression with a caret under what is wrong, and the hint; ends with a newline.
std::string Render(std::string_view expression, const FilterError& error);

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_EVENTS_EVENT_FILTER_H_
