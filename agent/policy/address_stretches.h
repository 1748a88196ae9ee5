// SPDX-License-Identifier: Apache-2.0
// Addresses of one family as stretches: what they have in common, what is left of some without
// others, and the fewest prefixes that are the same addresses.
#ifndef PORTMATRIX_AGENT_POLICY_ADDRESS_STRETCHES_H_
#define PORTMATRIX_AGENT_POLICY_ADDRESS_STRETCHES_H_

#include <optional>
#include <vector>

#include "agent/policy/axis.h"
#include "maps/address.h"

namespace portmatrix {

using AddressStretches = Stretches<Address>;  // none right behind another

// The neighbours of an address; nothing beyond the ends of its family.
std::optional<Address> AddressAfter(Address address);
std::optional<Address> AddressBefore(Address address);
Address LastAddress(const Prefix& prefix);

// `set` in one family, joined where its prefixes touch.
AddressStretches JoinedStretches(const AddressSet& set, Family family);
AddressStretches Without(const AddressStretches& from, const AddressStretches& taken);
bool Holds(const AddressStretches& outer, const AddressStretches& inner);  // all of inner
bool Equal(const AddressStretches& left, const AddressStretches& right);
bool IsEveryAddress(const AddressStretches& addresses);  // of their family

std::vector<Prefix> PrefixesOf(const AddressStretches& stretches);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_ADDRESS_STRETCHES_H_
