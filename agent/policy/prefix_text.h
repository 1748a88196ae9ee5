// SPDX-License-Identifier: Apache-2.0
// Prefixes as people write them, and what to tell those who wrote something else.
#ifndef PORTMATRIX_AGENT_POLICY_PREFIX_TEXT_H_
#define PORTMATRIX_AGENT_POLICY_PREFIX_TEXT_H_

#include <string>
#include <string_view>
#include <variant>

#include "maps/address.h"

namespace portmatrix {

struct PrefixProblem {
  std::string message;
  std::string hint;
};

// An address, or address/length without host bits. Refused: leading zeros, zones, netmasks, ranges,
// host names, and IPv4-mapped IPv6, which never stands on a wire.
std::variant<Prefix, PrefixProblem> ParsePrefix(std::string_view text);

// Can `text` only be meant as a prefix, since no name has such a byte? (`.`, `:`, `/` or `%`)
bool LooksLikePrefix(std::string_view text);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_PREFIX_TEXT_H_
