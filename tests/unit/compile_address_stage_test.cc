// SPDX-License-Identifier: Apache-2.0
// The address stage against the longest prefix found one by one: each end of each prefix, what lies
// beside it, and addresses anywhere.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "agent/compile/address_tables.h"
#include "maps/lookup.h"

namespace portmatrix {
namespace {

// How prefixes are drawn: lengths, and how many bits they may differ in at each of a few depths, so
// that many share their beginning and some lie in others.
struct Row {
  const char* name;
  Family family;
  std::vector<uint8_t> lengths;
  size_t count;
  int shared;          // all have so many bits in common
  size_t classes = 0;  // of addresses in prefixes; zero: as many as prefixes
  bool roots = false;  // there are so many that they take roots
};

class AddressStage : public testing::TestWithParam<Row> {
 protected:
  // A random address that has the first `bits` of `base`.
  Address Within(const Address& base, int bits) {
    Address address = base;
    for (int bit = bits; bit < AddressBits(base.family); ++bit)
      if (random_() & 1)
        address.bytes[static_cast<size_t>(bit / 8)] ^= static_cast<uint8_t>(0x80 >> bit % 8);
    return address;
  }

  std::vector<PrefixClass> Draw(const Row& row) {
    Address base;
    base.family = row.family;
    base = Within(base, 0);
    std::vector<Prefix> drawn;
    while (drawn.size() < row.count) {
      const uint8_t length = row.lengths[random_() % row.lengths.size()];
      const bool near = !drawn.empty() && random_() % 2 == 0;
      const Prefix other = near ? drawn[random_() % drawn.size()] : Prefix{base, 0};
      const int shared = near ? static_cast<int>(random_() % (other.length + 1u)) : 0;
      const Address from = near ? other.address : base;
      drawn.push_back({Masked(Within(from, std::max(shared, row.shared)), length), length});
    }
    std::ranges::sort(drawn);
    const auto [first, last] = std::ranges::unique(drawn);
    drawn.erase(first, last);
    std::vector<PrefixClass> prefixes;
    // Neighbours may have one class, as cut classes do.
    const size_t classes = row.classes != 0 ? row.classes : drawn.size() + 1;
    for (const Prefix& prefix : drawn)
      prefixes.push_back({prefix, 1 + static_cast<uint32_t>(random_() % classes)});
    return prefixes;
  }

  std::mt19937_64 random_{7};
};

// The class of an address by the longest prefix, found length by length.
class Longest {
 public:
  explicit Longest(const std::vector<PrefixClass>& prefixes) {
    for (const auto& [prefix, address_class] : prefixes) {
      classes_.emplace(prefix, address_class);
      lengths_.insert(prefix.length);
    }
  }
  uint32_t Of(const Address& address) const {
    for (const uint8_t length : lengths_) {
      const auto found = classes_.find({Masked(address, length), length});
      if (found != classes_.end()) return found->second;
    }
    return 0;
  }

 private:
  std::map<Prefix, uint32_t> classes_;
  std::set<uint8_t, std::greater<>> lengths_;
};

Image ImageOf(const AddressTables& tables) {
  Image image;
  for (auto& table : image.tables) table.resize(1);
  auto& words = image.tables[PM_TABLE_ADDRESSES];
  words.resize((tables.words.size() + PM_BLOCK_WORDS - 1) / PM_BLOCK_WORDS);
  for (size_t i = 0; i < tables.words.size(); ++i)
    words[i / PM_BLOCK_WORDS].word[i % PM_BLOCK_WORDS] = tables.words[i];
  image.tables[PM_TABLE_ADDRESS_TREES] = tables.trees.blocks();
  return image;
}

Address LastOf(const Prefix& prefix) {
  Address last = prefix.address;
  for (int bit = prefix.length; bit < AddressBits(last.family); ++bit)
    last.bytes[static_cast<size_t>(bit / 8)] |= static_cast<uint8_t>(0x80 >> bit % 8);
  return last;
}

// One further or one less, around at the ends.
Address Step(Address address, bool up) {
  for (auto byte = static_cast<size_t>(AddressBits(address.family) / 8); byte-- > 0;) {
    address.bytes[byte] = static_cast<uint8_t>(address.bytes[byte] + (up ? 1 : -1));
    if (address.bytes[byte] != (up ? 0x00 : 0xff)) break;
  }
  return address;
}

TEST_P(AddressStage, FindsTheLongestPrefix) {
  const Row& row = GetParam();
  for (int round = 0; round < (row.roots ? 1 : 20); ++round) {
    const std::vector<PrefixClass> prefixes = Draw(row);
    const Longest longest(prefixes);
    const AddressTables tables = MakeAddressTables(prefixes);
    const bool ipv4 = row.family == Family::kIpv4;
    EXPECT_EQ(tables.words[PM_ADDRESSES_IPV4_ROOTS] != 0, row.roots && ipv4);
    EXPECT_EQ(tables.words[PM_ADDRESSES_IPV6_ROOTS] != 0, row.roots && !ipv4);
    const Image image = ImageOf(tables);
    const ImageLookup lookup(image);
    const auto expect = [&](const Address& address) {
      bool missing = false;
      ASSERT_EQ(lookup.ClassOf(address, &missing), longest.Of(address)) << ToString(address);
      ASSERT_FALSE(missing) << ToString(address);
    };
    for (const PrefixClass& entry : prefixes) {
      const Address first = entry.prefix.address, last = LastOf(entry.prefix);
      for (const Address& address : {first, last, Step(first, false), Step(last, true),
                                     Within(first, entry.prefix.length), Within(first, 0)})
        ASSERT_NO_FATAL_FAILURE(expect(address));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    OfPrefixes, AddressStage,
    testing::Values(Row{"Ipv4", Family::kIpv4, {0, 8, 12, 15, 16, 17, 20, 24, 28, 31, 32}, 300, 0},
                    Row{"Ipv4OfOneNet", Family::kIpv4, {16, 20, 24, 28, 31, 32}, 300, 12},
                    Row{"Ipv6AtEachSplit",
                        Family::kIpv6,
                        {31, 32, 33, 39, 40, 41, 47, 48, 49, 55, 56, 57, 63, 64, 65, 127, 128},
                        400,
                        0},
                    Row{"Ipv6Short", Family::kIpv6, {0, 3, 12, 20, 29, 31, 32}, 300, 0},
                    Row{"Ipv6Sites", Family::kIpv6, {29, 32, 40, 44, 48, 48, 48, 56}, 400, 3},
                    Row{"Ipv6Links", Family::kIpv6, {56, 60, 64, 64, 64}, 400, 20},
                    Row{"Ipv6Hosts", Family::kIpv6, {64, 96, 128, 128, 128}, 400, 48},
                    Row{"Ipv6OfOneLink", Family::kIpv6, {64, 80, 112, 126, 127, 128}, 400, 64},
                    Row{"Ipv6One", Family::kIpv6, {128}, 1, 0},
                    Row{"ManyIpv4OfThreeClasses",
                        Family::kIpv4,
                        {8, 12, 15, 16, 17, 18, 20, 24, 28, 31, 32, 32, 32, 32},
                        400'000,
                        0,
                        3,
                        true},
                    Row{"ManyIpv4",
                        Family::kIpv4,
                        {8, 16, 17, 20, 24, 28, 31, 32, 32, 32},
                        250'000,
                        0,
                        0,
                        true},
                    Row{"ManyIpv4OfOneNet", Family::kIpv4, {28, 31, 32}, 250'000, 6, 2, true},
                    Row{"ManyIpv6",
                        Family::kIpv6,
                        {16, 31, 32, 40, 48, 56, 57, 63, 64, 65, 96, 127, 128, 128},
                        250'000,
                        12,
                        0,
                        true},
                    Row{"ManyIpv6OfOneNet", Family::kIpv6, {48, 56, 64, 128}, 250'000, 16, 2, true},
                    Row{"ManyIpv6Sites", Family::kIpv6, {32, 48, 48, 56, 64}, 250'000, 8, 5, true},
                    Row{"ManyIpv6Hosts", Family::kIpv6, {64, 127, 128}, 250'000, 4, 2, true}),
    [](const auto& row) { return row.param.name; });

// Prefixes all over the address space take roots, which hold few intervals, some more, or many.
TEST(ManyIpv4Prefixes, TakeRoots) {
  std::mt19937 random(11);
  std::map<uint32_t, uint32_t> classes;  // of /30s by their first address
  while (classes.size() < 200'000)
    classes.emplace(random() & ~3u, static_cast<uint32_t>(classes.size() % 1000 + 1));
  const auto address = [](uint32_t bits) {
    Address made;
    made.family = Family::kIpv4;
    for (size_t i = 0; i < 4; ++i) made.bytes[i] = static_cast<uint8_t>(bits >> (24 - 8 * i));
    return made;
  };
  std::vector<PrefixClass> prefixes;
  for (const auto& [first, address_class] : classes)
    prefixes.push_back({{address(first), 30}, address_class});
  const PrefixClass ipv6{{*ParseAddress("2001:db8::"), 32}, 7};
  prefixes.push_back(ipv6);

  const AddressTables tables = MakeAddressTables(prefixes);
  EXPECT_NE(tables.words[PM_ADDRESSES_IPV4_ROOTS], 0u);
  EXPECT_EQ(tables.words[PM_ADDRESSES_IPV6_ROOTS], 0u);
  const Image image = ImageOf(tables);
  const ImageLookup lookup(image);
  bool missing = false;
  const auto expect = [&](uint32_t bits) {
    const auto found = classes.find(bits & ~3u);
    ASSERT_EQ(lookup.ClassOf(address(bits), &missing), found == classes.end() ? 0 : found->second)
        << ToString(address(bits));
  };
  for (const auto& [first, address_class] : classes)
    for (const uint32_t bits :
         {first - 1, first, first + 3, first + 4, static_cast<uint32_t>(random())})
      ASSERT_NO_FATAL_FAILURE(expect(bits));
  EXPECT_EQ(lookup.ClassOf(ipv6.prefix.address, &missing), 7u);
  EXPECT_FALSE(missing);
}

// The same for IPv6: sites with one link, some with dozens, some links with one host; all but one
// hundredth of them in a short prefix.
TEST(ManyIpv6Prefixes, TakeRoots) {
  std::mt19937_64 random(12);
  constexpr uint64_t kAround = 0x2a00;  // /16
  constexpr uint32_t kAroundClass = 1'000'000;
  std::map<uint64_t, uint32_t> links;  // class by the first half
  std::map<uint64_t, uint64_t> hosts;  // the second half by the first
  for (uint32_t site = 0; site < 80'000; ++site) {
    const uint64_t begin =
        (site % 100 == 0 ? random() << 16 : kAround << 48 | (random() & 0xffff'ffff) << 16);
    for (uint32_t link = 0; link < (site % 500 == 0 ? 40u : 1u); ++link) {
      const uint64_t half = begin | (random() & 0xffff);
      links.emplace(half, static_cast<uint32_t>(links.size() + 1));
      if (site % 3 == 0) hosts.emplace(half, random());
    }
  }
  const auto address = [](uint64_t half, uint64_t other) {
    Address made;
    made.family = Family::kIpv6;
    for (size_t i = 0; i < 8; ++i) {
      made.bytes[i] = static_cast<uint8_t>(half >> (56 - 8 * i));
      made.bytes[8 + i] = static_cast<uint8_t>(other >> (56 - 8 * i));
    }
    return made;
  };
  std::vector<PrefixClass> prefixes = {{{address(kAround << 48, 0), 16}, kAroundClass}};
  for (const auto& [half, address_class] : links) {
    const auto host = hosts.find(half);
    prefixes.push_back({host == hosts.end() ? Prefix{address(half, 0), 64}
                                            : Prefix{address(half, host->second), 128},
                        address_class});
  }
  std::ranges::sort(prefixes, {}, &PrefixClass::prefix);

  const AddressTables tables = MakeAddressTables(prefixes);
  EXPECT_NE(tables.words[PM_ADDRESSES_IPV6_ROOTS], 0u);
  EXPECT_EQ(tables.words[PM_ADDRESSES_IPV4_ROOTS], 0u);
  const Image image = ImageOf(tables);
  const ImageLookup lookup(image);
  bool missing = false;
  const auto expect = [&](uint64_t half, uint64_t other) {
    const auto link = links.find(half);
    const auto host = hosts.find(half);
    const bool held = link != links.end() && (host == hosts.end() || host->second == other);
    const uint32_t around = half >> 48 == kAround ? kAroundClass : 0;
    ASSERT_EQ(lookup.ClassOf(address(half, other), &missing), held ? link->second : around)
        << ToString(address(half, other));
  };
  for (const auto& [half, address_class] : links)
    for (const uint64_t near : {half - 1, half, half + 1}) {
      const auto host = hosts.find(near);
      const uint64_t other = host == hosts.end() ? random() : host->second;
      for (const uint64_t second : {other - 1, other, other + 1, uint64_t{0}, UINT64_MAX})
        ASSERT_NO_FATAL_FAILURE(expect(near, second));
    }
  for (int i = 0; i < 100'000; ++i) ASSERT_NO_FATAL_FAILURE(expect(random(), random()));
  EXPECT_FALSE(missing);
}

// A list that fills one /16, some sites with more prefixes than a root has room for, beside a
// network of fewer bits: the first 32 bits would part it in fewer groups than make roots, and spare
// the network a tree of its own.
TEST(ManyIpv6Prefixes, TakeRootsBesideAShorterOne) {
  std::mt19937_64 random(13);
  constexpr uint8_t kLengths[] = {48, 56, 64, 128};
  std::vector<PrefixClass> prefixes = {{{*ParseAddress("2001:db8:a000::"), 36}, 2}};
  std::set<Prefix> listed;
  Address address = *ParseAddress("2001::");
  while (listed.size() < 214'000) {
    const size_t shared = listed.size() % 50 < 4 ? 6 : 2;  // bytes, with the one before
    for (size_t i = shared; i < address.bytes.size(); ++i)
      address.bytes[i] = static_cast<uint8_t>(random());
    const uint8_t length = kLengths[random() % std::size(kLengths)];
    listed.insert({Masked(address, length), length});
  }
  for (const Prefix& prefix : listed) prefixes.push_back({prefix, 1});
  std::ranges::sort(prefixes, {}, &PrefixClass::prefix);

  const AddressTables tables = MakeAddressTables(prefixes);
  EXPECT_NE(tables.words[PM_ADDRESSES_IPV6_ROOTS], 0u);
  const Image image = ImageOf(tables);
  const ImageLookup lookup(image);
  const Longest longest(prefixes);
  bool missing = false;
  for (const PrefixClass& entry : prefixes)
    for (const Address& address :
         {entry.prefix.address, LastOf(entry.prefix), Step(LastOf(entry.prefix), true)})
      ASSERT_EQ(lookup.ClassOf(address, &missing), longest.Of(address)) << ToString(address);
  EXPECT_FALSE(missing);
}

TEST(FewPrefixes, TakeWords) {
  const AddressTables tables = MakeAddressTables(
      {{{*ParseAddress("192.0.2.0"), 24}, 1}, {{*ParseAddress("2001:db8::"), 32}, 2}});
  EXPECT_EQ(tables.words[PM_ADDRESSES_IPV4_ROOTS], 0u);
  EXPECT_EQ(tables.words[PM_ADDRESSES_IPV6_ROOTS], 0u);
}

// Families do not meet: what only one of them has leaves the other without a class.
TEST(AddressFamilies, StayApart) {
  const Prefix ipv4{*ParseAddress("192.0.2.0"), 24}, ipv6{*ParseAddress("2001:db8::"), 32};
  for (const Prefix& prefix : {ipv4, ipv6}) {
    const Image image = ImageOf(MakeAddressTables({{prefix, 5}}));
    const ImageLookup lookup(image);
    bool missing = false;
    EXPECT_EQ(lookup.ClassOf(ipv4.address, &missing), prefix == ipv4 ? 5u : 0u);
    EXPECT_EQ(lookup.ClassOf(ipv6.address, &missing), prefix == ipv6 ? 5u : 0u);
    EXPECT_FALSE(missing);
  }
}

}  // namespace
}  // namespace portmatrix
