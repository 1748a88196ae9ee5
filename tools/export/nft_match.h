// SPDX-License-Identifier: Apache-2.0
// What a rule matches, in the words of nft.
#ifndef PORTMATRIX_TOOLS_EXPORT_NFT_MATCH_H_
#define PORTMATRIX_TOOLS_EXPORT_NFT_MATCH_H_

#include <span>
#include <string>
#include <vector>

#include "agent/policy/model.h"

namespace portmatrix {

// `elements` as one value or as a set in braces.
std::string NftSet(const std::vector<std::string>& elements);
// The prefixes of one family.
std::vector<std::string> PrefixesOf(const AddressSet& addresses, Family family);

// The named sets of nft that stand for a live set, one a family.
std::string NftLiveSet(const LiveSet& set, Family family);

// One condition or several that together match what `match` does: one for each family where
// addresses are named, and for each of the node's live sets. None if no packet can match.
std::vector<std::string> NftMatches(const Match& match, std::span<const LiveSet> live_sets = {});

// The same for packets that travel the other way, as answers: addresses and ports swapped, an echo
// request as its reply, other ICMP never.
std::vector<std::string> NftAnswers(const Match& match, std::span<const LiveSet> live_sets = {});

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_EXPORT_NFT_MATCH_H_
