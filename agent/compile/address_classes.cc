// SPDX-License-Identifier: Apache-2.0
#include "agent/compile/address_classes.h"

#include <algorithm>
#include <iterator>

#include "agent/policy/sequence_pool.h"

namespace portmatrix {

uint32_t AddressClasses::Number(const AddressSet& set) {
  if (set.any()) return kAny;
  const auto is_same = [&](uint32_t known) { return sets_[known].identity() == set.identity(); };
  const auto identity = reinterpret_cast<size_t>(set.identity());
  if (const auto known = by_identity_.Find(identity, is_same)) return *known;
  const auto next = static_cast<uint32_t>(sets_.size());
  const uint32_t number =
      by_content_.FindOrAdd(set.Hash(), next, [&](uint32_t known) { return sets_[known] == set; });
  // One that is equal and not kept here may go, and another come in its place.
  if (number == next) {
    by_identity_.FindOrAdd(identity, next, is_same);
    sets_.push_back(set);
  }
  return number;
}

void AddressClasses::Cut() {
  struct Named {
    Prefix prefix;
    uint32_t set;
    auto operator<=>(const Named&) const = default;
  };
  std::vector<Named> named;
  for (uint32_t set = 0; set < sets_.size(); ++set)
    for (const Prefix& prefix : sets_[set].prefixes()) named.push_back({prefix, set});
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
