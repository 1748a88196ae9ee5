// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/named_sets.h"

#include <utility>

#include "agent/policy/diagnostic.h"
#include "agent/policy/set_table.h"

namespace portmatrix {

std::map<std::string, AddressSet> NamedSets(const Policy& policy, std::string_view node) {
  std::map<std::string, AddressSet> named;
  const WrittenNode* written = policy.FindNode(node);
  if (written == nullptr) return named;
  Diagnostics ignored;  // whoever read the policy has reported them
  SetTable table(policy, *written, ignored);
  for (const auto* sets : {&written->sets, &policy.sets}) {
    for (const auto& [name, set] : *sets) {
      AddressTerms terms;
      terms.terms.push_back(
          {.kind = AddressTerm::Kind::kSet, .prefix = {}, .name = name, .span = set.span});
      ResolvedAddresses resolved = table.Resolve(terms);
      if (!resolved.broken) named.try_emplace(name, std::move(resolved.set));
    }
  }
  return named;
}

}  // namespace portmatrix
