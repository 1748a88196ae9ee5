// SPDX-License-Identifier: Apache-2.0
// The outline of a match: the least box around it. Most pairs of rules have outlines that do not
// meet, which is seen at a glance, without looking at sets of prefixes and lists of ports.
#ifndef PORTMATRIX_AGENT_POLICY_OUTLINE_H_
#define PORTMATRIX_AGENT_POLICY_OUTLINE_H_

#include <array>
#include <compare>
#include <cstdint>

#include "agent/policy/model.h"

namespace portmatrix {

class Outline {
 public:
  explicit Outline(const Match& match);

  // No packet is in both if false; if true, one may be.
  bool Meets(const Outline& other) const;

 private:
  struct Position {
    uint64_t high = 0, low = 0;
    auto operator<=>(const Position&) const = default;
  };
  struct Range {
    Position first = {UINT64_MAX, UINT64_MAX}, last;  // empty
    bool Meets(const Range& other) const { return first <= other.last && other.first <= last; }
  };
  static Position PositionOf(const Address& address);
  static Range RangeOf(const AddressSet& set, Family family);

  std::array<Range, 2> from_, to_;  // IPv4, IPv6
  uint16_t first_port_ = 0, last_port_ = UINT16_MAX;
  uint8_t protocols_ = 0;  // a bit for each of those that have services, one for all others
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_OUTLINE_H_
