// SPDX-License-Identifier: Apache-2.0
#include "agent/compile/address_tree.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <span>
#include <utility>

#include "agent/policy/limits.h"

namespace portmatrix {
namespace {

using Prefixes = std::span<const PrefixClass>;

constexpr uint64_t Power(uint64_t base, int exponent) {
  return exponent == 0 ? 1 : base * Power(base, exponent - 1);
}
// Each prefix begins a stretch and ends one; in a bucket so do the bits that are spread, and all
// may lie in one.
static_assert(Power(PM_WIDE_FANOUT, PM_MAX_WIDE_LEVELS) > 4 * kMaxPrefixes);
// An address has a class of its own at most for each prefix: so many columns has a row.
static_assert(Power(PM_TREE_FANOUT, PM_MAX_TREE_LEVELS) > kMaxPrefixes);
static_assert(kMaxPrefixes < PM_ADDRESS_SHORTER && kMaxPrefixes < PM_TREE_GUARD >> 1);

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
  // intervals of address words. All of `prefixes` share these bits; outside of them the class is
  // `outer`.
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
      painting.Paint(first, first, Word(prefixes.subspan(i, end - i), around, at + width));
      i = end;
    }
    return painting.Finish();
  }

  // The word of IPv6 addresses that share 64 bits, or of IPv4 addresses that share 16.
  uint32_t Word(Prefixes prefixes, uint32_t outer, int at) {
    if (at == 64) return WideWord(Stage(prefixes, outer, at, 64));
    const WideIntervals intervals = Stage(prefixes, outer, at, 16);
    if (intervals.size() == 1) return intervals.front().second;
    return PM_ADDRESS_TREE | trees_->Add({intervals.begin(), intervals.end()});
  }

  uint32_t WideWord(const WideIntervals& intervals) {
    if (intervals.size() == 1) return intervals.front().second;
    return PM_ADDRESS_TREE | trees_->AddWide(intervals);
  }

  // The same for what is left of keys beside the bucket's number.
  uint32_t RestWord(WideIntervals intervals) {
    if (intervals.size() == 1) return intervals.front().second;
    return PM_ADDRESS_TREE | trees_->AddRest(std::move(intervals));
  }

 private:
  TreeTable* trees_;
};

uint64_t HalfOf(const PrefixClass& entry) { return BitsOf(entry.prefix.address, 0, 64); }

int LevelsOf(size_t intervals) {
  int levels = 1;
  for (; intervals > PM_WIDE_FANOUT; ++levels)
    intervals = (intervals + PM_WIDE_FANOUT - 1) / PM_WIDE_FANOUT;
  return levels;
}

constexpr int kSplits[] = {56, 48, 40, 32};
// Eight buckets for each group of prefixes that share the first bits, so that addresses near none
// mostly meet no tree; but no more than the front holds, because words beyond it cost more than a
// tree's level.
constexpr int kLeastBucketBits = 6, kMostBucketBits = 15;

int BucketBits(size_t groups) {
  const auto bits = static_cast<int>(std::bit_width(groups)) + 3;
  return std::clamp(bits, kLeastBucketBits, kMostBucketBits);
}

// How many bits to spread: those with which an address meets the fewest levels. An address near a
// long prefix meets those of its bucket, any other also those of the shorter prefixes.
int BestSplit(Prefixes prefixes) {
  int best = kSplits[0];
  double least = HUGE_VAL;
  for (const int split : kSplits) {
    // What lies in one bucket by its first bits, as it comes: a /64 counts once, whatever is in it.
    size_t shorter = 0, longer = 0;
    std::vector<size_t> groups;
    uint64_t group = 0, half = 0;
    for (const PrefixClass& entry : prefixes) {
      if (entry.prefix.length < split) {
        ++shorter;
        continue;
      }
      const uint64_t at = HalfOf(entry);
      if (groups.empty() || group != at >> (64 - split))
        groups.push_back(0);
      else if (at == half && entry.prefix.length > 64)
        continue;
      group = at >> (64 - split);
      half = at;
      ++groups.back();
      ++longer;
    }
    const size_t others = 2 * longer >> BucketBits(groups.size());
    double levels = 0;
    for (const size_t size : groups)
      levels += static_cast<double>(size) * LevelsOf(2 * size + 1 + others);
    if (longer > 0) levels /= static_cast<double>(longer);
    if (shorter > 0) levels += LevelsOf(2 * shorter + 1);
    if (levels < least) {
      least = levels;
      best = split;
    }
  }
  return best;
}

// The words of all IPv6 addresses (maps/layout.h, "The address stage").
class Ipv6Words {
 public:
  Ipv6Words(Prefixes prefixes, uint32_t outer, AddressTree* tree)
      : split_(BestSplit(prefixes)), tree_(tree) {
    std::vector<PrefixClass> shorter;
    for (const PrefixClass& entry : prefixes)
      if (entry.prefix.length < split_) shorter.push_back(entry);
    around_ = tree_->Stage(shorter, outer, 0, 64);
    shorter_ = tree_->WideWord(around_);
    AddGroups(prefixes);
  }

  void AppendTo(std::vector<uint32_t>* words) {
    const int bits = BucketBits(groups_.size());
    words->resize(PM_ADDRESSES_BUCKETS);
    (*words)[PM_ADDRESSES_SHORTER] = shorter_;
    (*words)[PM_ADDRESSES_UNSPREAD] = static_cast<uint32_t>(unspread());
    (*words)[PM_ADDRESSES_REST] = static_cast<uint32_t>(64 - bits);
    size_t next = 0;
    for (uint32_t bucket = 0; bucket < 1u << bits; ++bucket)
      words->push_back(Bucket(bucket, 64 - bits, &next));
  }

 private:
  // Prefixes that share the first bits, as the stretches that they make of the others.
  struct Group {
    uint64_t key;  // of its first address
    size_t begin, end;
  };

  int unspread() const { return 64 - split_; }

  void AddGroups(Prefixes prefixes) {
    size_t around = 0;
    for (size_t i = 0; i < prefixes.size();) {
      const uint64_t half = HalfOf(prefixes[i]);
      if (prefixes[i].prefix.length < split_) {
        ++i;
        continue;
      }
      size_t end = i + 1;
      while (end < prefixes.size() && HalfOf(prefixes[end]) >> unspread() == half >> unspread())
        ++end;
      const uint64_t first = half >> unspread() << unspread();
      while (around + 1 < around_.size() && around_[around + 1].first <= first) ++around;
      const WideIntervals made =
          tree_->Stage(prefixes.subspan(i, end - i), around_[around].second, split_, unspread());
      groups_.push_back({PM_IPV6_SPREAD_KEY(first, unspread()), stretches_.size(),
                         stretches_.size() + made.size()});
      stretches_.insert(stretches_.end(), made.begin(), made.end());
      i = end;
    }
    std::ranges::sort(groups_, {}, &Group::key);
  }

  // The word of a bucket, whose groups begin at `*next`, which then names the next one's.
  uint32_t Bucket(uint32_t bucket, int rest, size_t* next) {
    const uint32_t elsewhere = around_.size() == 1 ? shorter_ : PM_ADDRESS_SHORTER;
    const uint64_t end = uint64_t{1} << rest;
    WideIntervals intervals;
    uint64_t behind = 0;  // where the stretches so far end
    for (; *next < groups_.size() && groups_[*next].key >> rest == bucket; ++*next) {
      const Group& group = groups_[*next];
      const uint64_t key = group.key & (end - 1);
      if (key > behind) Append(behind, elsewhere, &intervals);
      for (size_t i = group.begin; i < group.end; ++i)
        Append(key + stretches_[i].first, stretches_[i].second, &intervals);
      behind = key + (uint64_t{1} << unspread());
    }
    if (behind < end) Append(behind, elsewhere, &intervals);
    return tree_->RestWord(std::move(intervals));
  }

  const int split_;
  AddressTree* tree_;
  WideIntervals around_;  // what the shorter prefixes make of the first 64 bits
  uint32_t shorter_ = 0;
  std::vector<Group> groups_;
  WideIntervals stretches_;
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
  tables.words.reserve(PM_ADDRESSES_BUCKETS);
  const WideIntervals beginnings = tree.Stage(ipv4, outer4, 0, 16);
  for (size_t i = 0; i < beginnings.size(); ++i) {
    const uint64_t end = i + 1 < beginnings.size() ? beginnings[i + 1].first : PM_ADDRESSES_IPV6;
    tables.words.resize(end, beginnings[i].second);
  }
  const uint32_t outer6 = outer(&ipv6);
  Ipv6Words(ipv6, outer6, &tree).AppendTo(&tables.words);
  return tables;
}

}  // namespace portmatrix
