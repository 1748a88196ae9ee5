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

const Prefixes& AddressSet::prefixes() const {
  static const Prefixes kNone;
  return content_ == nullptr ? kNone : content_->prefixes;
}

bool AddressSet::Contains(const Address& address) const {
  if (any()) return true;
  const auto next = FirstBehind(prefixes(), address);
  return next != prefixes().begin() && std::prev(next)->Contains(address);
}

bool AddressSet::ContainsAll(const AddressSet& other) const {
  if (any() || identity() == other.identity()) return true;
  return std::ranges::all_of(other.any() ? Everything() : other.prefixes(),
                             [&](const Prefix& prefix) { return Covers(prefixes(), prefix); });
}

bool AddressSet::Intersects(const AddressSet& other) const {
  if (any()) return !other.empty();
  if (other.any() || identity() == other.identity()) return !empty();
  const bool smaller = prefixes().size() < other.prefixes().size();
  const Prefixes& few = smaller ? prefixes() : other.prefixes();
  const Prefixes& many = smaller ? other.prefixes() : prefixes();
  return std::ranges::any_of(few, [&](const Prefix& prefix) { return Touches(many, prefix); });
}

bool AddressSet::operator==(const AddressSet& other) const {
  return identity() == other.identity() || (any() == other.any() && prefixes() == other.prefixes());
}

size_t AddressSet::Hash() const {
  size_t hash = any() ? 1 : 0;
  for (const Prefix& prefix : prefixes()) hash = hash * 31 + HashOf(prefix);
  return hash;
}

AddressSet AddressSet::Any() {
  static const AddressSet kAny(
      std::make_shared<const Content>(Content{.any = true, .prefixes = {}}));
  return kAny;
}

AddressSet AddressSet::Of(Prefixes prefixes) {
  if (!std::ranges::is_sorted(prefixes)) std::ranges::sort(prefixes);
  // A prefix sorts before those inside it.
  size_t kept = 0;
  for (const Prefix& prefix : prefixes)
    if (kept == 0 || !prefixes[kept - 1].Contains(prefix)) prefixes[kept++] = prefix;
  if (kept == 0) return {};
  prefixes.resize(kept);
  prefixes.shrink_to_fit();
  return AddressSet(
      std::make_shared<const Content>(Content{.any = false, .prefixes = std::move(prefixes)}));
}

}  // namespace portmatrix
