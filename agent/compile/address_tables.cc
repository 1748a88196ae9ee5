// SPDX-License-Identifier: Apache-2.0
#include "agent/compile/address_tables.h"

#include <algorithm>
#include <span>

#include "agent/compile/ipv4_index.h"
#include "agent/compile/ipv6_buckets.h"
#include "agent/policy/limits.h"

namespace portmatrix {
namespace {

constexpr uint64_t Power(uint64_t base, int exponent) {
  return exponent == 0 ? 1 : base * Power(base, exponent - 1);
}
// Each prefix begins a stretch and ends one; in a bucket so do the bits that are spread, and all
// may lie in one.
static_assert(Power(PM_WIDE_FANOUT, PM_MAX_WIDE_LEVELS) > 4 * kMaxPrefixes);
// An address has a class of its own at most for each prefix: so many columns has a row. (Behind a
// word of IPv4 lie no more than 65,536 addresses.)
static_assert(Power(PM_TREE_FANOUT, PM_MAX_TREE_LEVELS) > kMaxPrefixes);
static_assert(kMaxPrefixes < PM_ADDRESS_SHORTER && kMaxPrefixes < PM_TREE_GUARD >> 1);
// A reference has room for the number of each block: a prefix adds no more than one on each level,
// two where halves have roots of their own, and roots are no more than prefixes.
static_assert(2 * kMaxPrefixes * (PM_MAX_WIDE_LEVELS + 1) < PM_ADDRESS_REFERENCE(UINT32_MAX) >> 4);

}  // namespace

AddressTables MakeAddressTables(const std::vector<PrefixClass>& prefixes) {
  AddressTables tables;
  tables.trees.Expect(prefixes.size() / 2);
  const auto first_ipv6 = std::ranges::find_if(prefixes, [](const PrefixClass& entry) {
    return entry.prefix.address.family == Family::kIpv6;
  });
  PrefixClasses ipv4(prefixes.begin(), first_ipv6), ipv6(first_ipv6, prefixes.end());

  // `any` within a family is a prefix without bits, which stands first and is outside of all.
  const auto outer = [](PrefixClasses* family) {
    if (family->empty() || family->front().prefix.length != 0) return 0u;
    const uint32_t address_class = family->front().address_class;
    *family = family->subspan(1);
    return address_class;
  };
  const uint32_t outer4 = outer(&ipv4), outer6 = outer(&ipv6);
  const Ipv4Index index(ipv4, outer4, &tables.trees);
  const Ipv6Buckets buckets(ipv6, outer6, &tables.trees);

  std::vector<uint32_t>& words = tables.words;
  words.resize(PM_BLOCK_WORDS);
  const auto append = [&words](const std::vector<uint32_t>& more) {
    const auto at = static_cast<uint32_t>(words.size());
    words.insert(words.end(), more.begin(), more.end());
    return at;
  };
  // The smaller one first, so that as much as possible stands in the front.
  if (index.words().size() <= buckets.words().size()) {
    words[PM_ADDRESSES_IPV4] = append(index.words());
    words[PM_ADDRESSES_IPV6] = append(buckets.words());
  } else {
    words[PM_ADDRESSES_IPV6] = append(buckets.words());
    words[PM_ADDRESSES_IPV4] = append(index.words());
  }
  words[PM_ADDRESSES_IPV4_REST] = static_cast<uint32_t>(index.rest());
  words[PM_ADDRESSES_IPV6_REST] = static_cast<uint32_t>(buckets.rest());
  words[PM_ADDRESSES_UNSPREAD] = static_cast<uint32_t>(buckets.unspread());
  words[PM_ADDRESSES_SHORTER] = buckets.shorter();
  // Behind all trees, so that as many of these as possible stand in the front.
  if (!index.roots().empty()) words[PM_ADDRESSES_IPV4_ROOTS] = tables.trees.AddRoots(index.roots());
  if (!buckets.roots().empty())
    words[PM_ADDRESSES_IPV6_ROOTS] = tables.trees.AddRoots(buckets.roots());
  words[PM_ADDRESSES_IPV6_NEAR] = static_cast<uint32_t>(buckets.near());
  return tables;
}

}  // namespace portmatrix
