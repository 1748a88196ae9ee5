// SPDX-License-Identifier: Apache-2.0
#include "agent/compile/address_classes.h"

#include <algorithm>
#include <iterator>

namespace portmatrix {

uint32_t AddressClasses::Number(const AddressSet& set) {
  if (set.any()) return kAny;
  return numbers_.try_emplace(set.prefixes(), static_cast<uint32_t>(numbers_.size())).first->second;
}

void AddressClasses::Cut() {
  struct Named {
    Prefix prefix;
    uint32_t set;
    auto operator<=>(const Named&) const = default;
  };
  std::vector<Named> named;
  for (const auto& [prefixes, set] : numbers_)
    for (const Prefix& prefix : prefixes) named.push_back({prefix, set});
  // Address first, then length: what contains a prefix stands before it.
  std::sort(named.begin(), named.end());

  std::map<std::vector<uint32_t>, uint32_t> classes{{{}, 0}};
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
    const auto [found, added] = classes.try_emplace(all, static_cast<uint32_t>(members_.size()));
    if (added) members_.push_back(all);
    if (found->second != outer) prefixes_.push_back({prefix, found->second});
    enclosing.push_back({prefix, found->second});
  }
}

}  // namespace portmatrix
