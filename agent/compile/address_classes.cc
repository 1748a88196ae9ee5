// SPDX-License-Identifier: Apache-2.0
#include "agent/compile/address_classes.h"

#include <algorithm>
#include <iterator>

#include "agent/policy/sequence_pool.h"

namespace portmatrix {

uint32_t AddressClasses::Number(const AddressSet& set) {
  if (set.any()) return kAny;
  if (const auto known = known_.find(set.identity()); known != known_.end()) return known->second;
  const auto [numbered, added] = numbers_.try_emplace(set, static_cast<uint32_t>(numbers_.size()));
  // One that is equal and not kept here may go, and another come in its place.
  if (added) known_.emplace(set.identity(), numbered->second);
  return numbered->second;
}

void AddressClasses::Cut() {
  struct Named {
    Prefix prefix;
    uint32_t set;
    auto operator<=>(const Named&) const = default;
  };
  std::vector<Named> named;
  for (const auto& [addresses, set] : numbers_)
    for (const Prefix& prefix : addresses.prefixes()) named.push_back({prefix, set});
  // Address first, then length: what contains a prefix stands before it.
  std::sort(named.begin(), named.end());

  SequencePool classes;  // by their sets
  classes.Add({});
  members_.assign(1, {});

  struct Open {
    Prefix prefix;
    uint32_t address_class;
  };
  std::vector<Open> enclosing;
  std::vector<uint32_t> own, all;
  for (size_t at = 0; at < named.size();) {
    const Prefix prefix = named[at].prefix;
    own.clear();
    for (; at < named.size() && named[at].prefix == prefix; ++at) own.push_back(named[at].set);
    while (!enclosing.empty() && !enclosing.back().prefix.Contains(prefix)) enclosing.pop_back();
    const uint32_t outer = enclosing.empty() ? 0 : enclosing.back().address_class;

    all.clear();
    std::set_union(members_[outer].begin(), members_[outer].end(), own.begin(), own.end(),
                   std::back_inserter(all));
    const uint32_t inner = classes.Add(all);
    if (inner == members_.size()) members_.push_back(all);
    if (inner != outer) prefixes_.push_back({prefix, inner});
    enclosing.push_back({prefix, inner});
  }
}

}  // namespace portmatrix
