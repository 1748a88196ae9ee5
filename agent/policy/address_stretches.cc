// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/address_stretches.h"

#include <algorithm>

namespace portmatrix {
namespace {

// The longest prefix that begins at `first` and does not go beyond `last`.
Prefix WidestAt(const Address& first, const Address& last) {
  Prefix widest = HostPrefix(first);
  while (widest.length > 0) {
    const auto length = static_cast<uint8_t>(widest.length - 1);
    const Prefix wider{first, length};
    if (Masked(first, length) != first || last < LastAddress(wider)) break;
    widest = wider;
  }
  return widest;
}

}  // namespace

std::optional<Address> AddressAfter(Address address) {
  for (int byte = AddressBits(address.family) / 8 - 1; byte >= 0; --byte) {
    if (++address.bytes[static_cast<size_t>(byte)] != 0) return address;
  }
  return std::nullopt;
}

std::optional<Address> AddressBefore(Address address) {
  for (int byte = AddressBits(address.family) / 8 - 1; byte >= 0; --byte) {
    if (address.bytes[static_cast<size_t>(byte)]-- != 0) return address;
  }
  return std::nullopt;
}

Address LastAddress(const Prefix& prefix) {
  Address last = prefix.address;
  for (int bit = prefix.length; bit < AddressBits(last.family); ++bit) {
    auto& byte = last.bytes[static_cast<size_t>(bit / 8)];
    byte = static_cast<uint8_t>(byte | 0x80 >> (bit % 8));
  }
  return last;
}

AddressStretches JoinedStretches(const AddressSet& set, Family family) {
  AddressStretches joined;
  for (const Stretch<Address>& stretch : StretchesOf(set, family)) {
    if (!joined.empty() && AddressAfter(joined.back().last) == stretch.first) {
      joined.back().last = stretch.last;
    } else {
      joined.push_back(stretch);
    }
  }
  return joined;
}

AddressStretches Without(const AddressStretches& from, const AddressStretches& taken) {
  AddressStretches left;
  auto hole = taken.begin();
  for (const Stretch<Address>& stretch : from) {
    std::optional<Address> first = stretch.first;
    while (hole != taken.end() && hole->last < stretch.first) ++hole;
    for (auto each = hole; first && each != taken.end() && each->first <= stretch.last; ++each) {
      if (*first < each->first) left.push_back({*first, *AddressBefore(each->first)});
      first = AddressAfter(each->last);
    }
    if (first && *first <= stretch.last) left.push_back({*first, stretch.last});
  }
  return left;
}

bool Holds(const AddressStretches& outer, const AddressStretches& inner) {
  return std::ranges::all_of(inner, [&](const Stretch<Address>& stretch) {
    const auto behind =
        std::ranges::upper_bound(outer, stretch.first, {}, &Stretch<Address>::first);
    return behind != outer.begin() && stretch.last <= std::prev(behind)->last;
  });
}

bool Equal(const AddressStretches& left, const AddressStretches& right) {
  return std::ranges::equal(left, right, [](const auto& a, const auto& b) {
    return a.first == b.first && a.last == b.last;
  });
}

bool IsEveryAddress(const AddressStretches& addresses) {
  return addresses.size() == 1 && !AddressBefore(addresses[0].first) &&
         !AddressAfter(addresses[0].last);
}

std::vector<Prefix> PrefixesOf(const AddressStretches& stretches) {
  std::vector<Prefix> prefixes;
  for (const Stretch<Address>& stretch : stretches) {
    std::optional<Address> first = stretch.first;
    while (first && *first <= stretch.last) {
      prefixes.push_back(WidestAt(*first, stretch.last));
      first = AddressAfter(LastAddress(prefixes.back()));
    }
  }
  return prefixes;
}

}  // namespace portmatrix
