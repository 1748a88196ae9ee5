// SPDX-License-Identifier: Apache-2.0
#include "agent/datapath/live_entries.h"

#include <algorithm>

namespace portmatrix {
namespace {

size_t FamilyIndex(Family family) { return family == Family::kIpv4 ? 0 : 1; }

}  // namespace

bool IsHost(const Prefix& prefix) { return prefix.length == AddressBits(prefix.address.family); }

size_t& LiveEntries::CountOf(const Prefix& prefix) {
  return by_length_.at(FamilyIndex(prefix.address.family)).at(prefix.length);
}

void LiveEntries::Put(const Prefix& prefix, const LiveEntry& entry) {
  if (entries_.insert_or_assign(prefix, entry).second) ++CountOf(prefix);
}

bool LiveEntries::Erase(const Prefix& prefix) {
  if (entries_.erase(prefix) == 0) return false;
  --CountOf(prefix);
  return true;
}

uint64_t LiveEntries::Until(const Prefix& prefix) const {
  uint64_t until = 0;
  const auto& counts = by_length_.at(FamilyIndex(prefix.address.family));
  for (int length = 0; length <= prefix.length; ++length) {
    if (counts.at(static_cast<size_t>(length)) == 0) continue;
    const auto found =
        entries_.find({Masked(prefix.address, length), static_cast<uint8_t>(length)});
    if (found != entries_.end()) until = std::max(until, found->second.until);
  }
  return until;
}

std::vector<Prefix> LiveEntries::Within(const Prefix& prefix) const {
  std::vector<Prefix> within;
  for (auto at = entries_.lower_bound(prefix);
       at != entries_.end() && prefix.Contains(at->first.address); ++at)
    if (!IsHost(at->first)) within.push_back(at->first);
  return within;
}

}  // namespace portmatrix
