// SPDX-License-Identifier: Apache-2.0
// Addresses that no rule can tell apart share a class: two addresses are alike when the same sets
// contain them.
#ifndef PORTMATRIX_AGENT_COMPILE_ADDRESS_CLASSES_H_
#define PORTMATRIX_AGENT_COMPILE_ADDRESS_CLASSES_H_

#include <cstdint>
#include <vector>

#include "agent/policy/model.h"
#include "maps/address.h"
#include "maps/hash_index.h"

namespace portmatrix {

struct PrefixClass {
  Prefix prefix;
  uint32_t address_class = 0;
};

class AddressClasses {
 public:
  static constexpr uint32_t kAny = UINT32_MAX;

  // The number of a set, the same for equal sets; kAny for `any`, which tells no address from
  // another.
  uint32_t Number(const AddressSet& set);

  // Cuts the address space by all numbered sets. Call once, after the last Number.
  void Cut();

  // From Cut on: the sets that contain a class, ascending. Class 0 is in none.
  const std::vector<std::vector<uint32_t>>& members() const { return members_; }
  // The longest prefix that contains an address names its class; none: class 0. Ascending by
  // address, then length.
  const std::vector<PrefixClass>& prefixes() const { return prefixes_; }

 private:
  std::vector<AddressSet> sets_;  // by number
  HashIndex by_content_;
  // By AddressSet::identity: most sets come as copies of what is in sets_.
  HashIndex by_identity_;
  std::vector<std::vector<uint32_t>> members_;
  std::vector<PrefixClass> prefixes_;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_COMPILE_ADDRESS_CLASSES_H_
