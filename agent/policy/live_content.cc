// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/live_content.h"

#include <algorithm>

#include "agent/policy/tuple.h"

namespace portmatrix {

void LiveContent::Add(const std::string& set, const Prefix& prefix, uint64_t until) {
  sets_[set][prefix] = until;
}

void LiveContent::Remove(const std::string& set, const Prefix& prefix) { sets_[set].erase(prefix); }

bool LiveContent::Contains(const std::string& set, const Address& address, uint64_t now) const {
  const auto found = sets_.find(set);
  return found != sets_.end() && std::ranges::any_of(found->second, [&](const auto& entry) {
           return now < entry.second && entry.first.Contains(address);
         });
}

LiveMembership LiveContent::MembershipOf(const Node& node, const pm_tuple& tuple,
                                         uint64_t now) const {
  LiveMembership live;
  if (sets_.empty()) return live;
  for (size_t i = 0; i < node.live_sets.size(); ++i) {
    const std::string& name = node.live_sets[i].name;
    const LiveMask bit = LiveMask{1} << i;
    if (Contains(name, TupleSource(tuple), now)) live.source |= bit;
    if (Contains(name, TupleDestination(tuple), now)) live.destination |= bit;
  }
  return live;
}

}  // namespace portmatrix
