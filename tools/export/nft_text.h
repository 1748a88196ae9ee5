// SPDX-License-Identifier: Apache-2.0
// A node's policy as a ruleset for `nft -f`: what netdev hooks can say of it, on the same devices.
#ifndef PORTMATRIX_TOOLS_EXPORT_NFT_TEXT_H_
#define PORTMATRIX_TOOLS_EXPORT_NFT_TEXT_H_

#include <string>

#include "agent/policy/model.h"

namespace portmatrix {

// The name of the table, of family netdev.
inline constexpr const char* kNftTable = "portmatrix";

// One table with a chain for each hook, interface and direction; rules stand one below the other,
// each with a counter and with its key (or the reason, such as `default`) as comment. The text
// begins with what it does not express. Loading it again replaces it.
std::string NftText(const Node& node);

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_EXPORT_NFT_TEXT_H_
