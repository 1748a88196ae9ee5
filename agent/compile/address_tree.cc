// SPDX-License-Identifier: Apache-2.0
#include "agent/compile/address_tree.h"

#include <algorithm>
#include <span>
#include <utility>

#include "agent/policy/limits.h"

namespace portmatrix {
namespace {

using Prefixes = std::span<const PrefixClass>;

constexpr uint64_t Power(uint64_t base, int exponent) {
  return exponent == 0 ? 1 : base * Power(base, exponent - 1);
}
// Each prefix begins a stretch and ends one, and all may lie in one half.
static_assert(Power(PM_WIDE_FANOUT, PM_MAX_WIDE_LEVELS) > 2 * kMaxPrefixes);
// An address has a class of its own at most for each prefix: so many columns has a row.
static_assert(Power(PM_TREE_FANOUT, PM_MAX_TREE_LEVELS) > kMaxPrefixes);

// Bits [at, at + width) of an address, both multiples of 8.
uint64_t BitsOf(const Address& address, int at, int width) {
  uint64_t bits = 0;
  for (int byte = at / 8; byte < (at + width) / 8; ++byte)
    bits = bits << 8 | address.bytes[static_cast<size_t>(byte)];
  return bits;
}

// Stretches of keys, each painted over what stands there: they come ascending, what contains others
// before them.
class Painting {
 public:
  Painting(uint32_t outer, uint64_t last_key) : last_key_(last_key), open_{{last_key, outer}} {
    intervals_.emplace_back(0, outer);
  }

  // The word at `key`, which is not below the last stretch's beginning.
  uint32_t WordAt(uint64_t key) {
    EndBefore(key);
    return open_.back().word;
  }

  void Paint(uint64_t first, uint64_t last, uint32_t word) {
    EndBefore(first);
    Begin(first, word);
    open_.push_back({last, word});
  }

  WideIntervals Finish() {
    EndBefore(last_key_);
    return std::move(intervals_);
  }

 private:
  struct Open {
    uint64_t last;
    uint32_t word;
  };

  void EndBefore(uint64_t key) {
    while (open_.size() > 1 && open_.back().last < key) {
      const uint64_t next = open_.back().last + 1;
      open_.pop_back();
      Begin(next, open_.back().word);
    }
  }
  void Begin(uint64_t first, uint32_t word) {
    if (intervals_.back().first == first) intervals_.pop_back();
    Append(first, word, &intervals_);
  }

  const uint64_t last_key_;
  std::vector<Open> open_;  // innermost last
  WideIntervals intervals_;
};

class AddressTree {
 public:
  explicit AddressTree(TreeTable* trees) : trees_(trees) {}

  // What bits [at, at + width) of an address make of it, for addresses that share the bits before:
  // intervals of address words. All of `prefixes` share these bits and are longer than `at`;
  // outside of them the class is `outer`.
  WideIntervals Stage(Prefixes prefixes, uint32_t outer, int at, int width) {
    Painting painting(outer, UINT64_MAX >> (64 - width));
    for (size_t i = 0; i < prefixes.size();) {
      const Prefix& prefix = prefixes[i].prefix;
      const uint64_t first = BitsOf(prefix.address, at, width);
      if (prefix.length <= at + width) {
        const int free = at + width - prefix.length;
        painting.Paint(first, first + (free == 0 ? 0 : UINT64_MAX >> (64 - free)),
                       prefixes[i].address_class);
        ++i;
        continue;
      }
      size_t end = i + 1;
      while (end < prefixes.size() && BitsOf(prefixes[end].prefix.address, at, width) == first)
        ++end;
      const uint32_t around = painting.WordAt(first);
      painting.Paint(first, first, Word(prefixes.subspan(i, end - i), around, at + width, width));
      i = end;
    }
    return painting.Finish();
  }

  uint32_t Word(Prefixes prefixes, uint32_t outer, int at, int width) {
    if (prefixes.empty()) return outer;
    const WideIntervals intervals = Stage(prefixes, outer, at, width);
    if (intervals.size() == 1) return intervals.front().second;
    return PM_ADDRESS_TREE | (width == 64 ? trees_->AddWide(intervals)
                                          : trees_->Add({intervals.begin(), intervals.end()}));
  }

 private:
  TreeTable* trees_;
};

}  // namespace

AddressTables MakeAddressTables(const std::vector<PrefixClass>& prefixes) {
  AddressTables tables;
  tables.trees.Expect(prefixes.size() / 2);
  AddressTree tree(&tables.trees);
  const auto first_ipv6 = std::ranges::find_if(prefixes, [](const PrefixClass& entry) {
    return entry.prefix.address.family == Family::kIpv6;
  });
  Prefixes ipv4(prefixes.begin(), first_ipv6), ipv6(first_ipv6, prefixes.end());

  // `any` within a family is a prefix without bits, which stands first and is outside of all.
  const auto outer = [](Prefixes* family) {
    if (family->empty() || family->front().prefix.length != 0) return 0u;
    const uint32_t address_class = family->front().address_class;
    *family = family->subspan(1);
    return address_class;
  };
  const uint32_t outer4 = outer(&ipv4);
  tables.words.reserve(PM_ADDRESSES_IPV6 + 1);
  const WideIntervals beginnings = tree.Stage(ipv4, outer4, 0, 16);
  for (size_t i = 0; i < beginnings.size(); ++i) {
    const uint64_t end = i + 1 < beginnings.size() ? beginnings[i + 1].first : PM_ADDRESSES_IPV6;
    tables.words.resize(end, beginnings[i].second);
  }
  const uint32_t outer6 = outer(&ipv6);
  tables.words.push_back(tree.Word(ipv6, outer6, 0, 64));
  return tables;
}

}  // namespace portmatrix
