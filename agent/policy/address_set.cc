// SPDX-License-Identifier: Apache-2.0
// Sets of addresses. A reduced set is sorted and its prefixes are disjoint, so that an address
// lies, if anywhere, in the last prefix that does not begin behind it.
#include <algorithm>
#include <optional>

#include "agent/policy/model.h"

namespace portmatrix {
namespace {

using Prefixes = std::vector<Prefix>;

// The address behind the last one of `prefix`; nothing at the end of the family.
std::optional<Address> Behind(const Prefix& prefix) {
  Address next = prefix.address;
  for (int bit = prefix.length - 1; bit >= 0; --bit) {
    auto& byte = next.bytes[static_cast<size_t>(bit / 8)];
    const auto mask = static_cast<uint8_t>(0x80 >> (bit % 8));
    byte = static_cast<uint8_t>(byte ^ mask);
    if (byte & mask) return next;
  }
  return std::nullopt;
}

Prefixes::const_iterator FirstBehind(const Prefixes& prefixes, const Address& address) {
  return std::upper_bound(
      prefixes.begin(), prefixes.end(), address,
      [](const Address& value, const Prefix& prefix) { return value < prefix.address; });
}

// Is every address of `prefix` in one of `prefixes`, which may have to stand side by side for that?
bool Covers(const Prefixes& prefixes, const Prefix& prefix) {
  auto next = FirstBehind(prefixes, prefix.address);
  if (next == prefixes.begin()) return false;
  --next;
  if (next->Contains(prefix)) return true;
  Address expected = prefix.address;
  for (; next != prefixes.end() && next->address == expected && prefix.Contains(*next); ++next) {
    const auto behind = Behind(*next);
    if (!behind || behind == Behind(prefix)) return true;
    expected = *behind;
  }
  return false;
}

bool Touches(const Prefixes& prefixes, const Prefix& prefix) {
  const auto next = FirstBehind(prefixes, prefix.address);
  if (next != prefixes.end() && prefix.Contains(next->address)) return true;
  return next != prefixes.begin() && std::prev(next)->Contains(prefix.address);
}

const Prefixes& Everything() {
  static const Prefixes kEverything = {Prefix{Address{Family::kIpv4, {}}, 0},
                                       Prefix{Address{Family::kIpv6, {}}, 0}};
  return kEverything;
}

}  // namespace

bool AddressSet::Contains(const Address& address) const {
  if (any) return true;
  const auto next = FirstBehind(prefixes, address);
  return next != prefixes.begin() && std::prev(next)->Contains(address);
}

bool AddressSet::ContainsAll(const AddressSet& other) const {
  if (any) return true;
  return std::ranges::all_of(other.any ? Everything() : other.prefixes,
                             [&](const Prefix& prefix) { return Covers(prefixes, prefix); });
}

bool AddressSet::Intersects(const AddressSet& other) const {
  if (any) return !other.empty();
  if (other.any) return !empty();
  const bool smaller = prefixes.size() < other.prefixes.size();
  const Prefixes& few = smaller ? prefixes : other.prefixes;
  const Prefixes& many = smaller ? other.prefixes : prefixes;
  return std::ranges::any_of(few, [&](const Prefix& prefix) { return Touches(many, prefix); });
}

AddressSet AddressSet::Any() {
  AddressSet set;
  set.any = true;
  return set;
}

AddressSet AddressSet::Of(std::vector<Prefix> prefixes) {
  if (!std::ranges::is_sorted(prefixes)) std::ranges::sort(prefixes);
  AddressSet set;
  // A prefix sorts before those inside it.
  for (const Prefix& prefix : prefixes) {
    if (set.prefixes.empty() || !set.prefixes.back().Contains(prefix)) {
      set.prefixes.push_back(prefix);
    }
  }
  return set;
}

}  // namespace portmatrix
