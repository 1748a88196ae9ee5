// SPDX-License-Identifier: Apache-2.0
#include "agent/compile/address_intervals.h"

#include <utility>
#include <vector>

namespace portmatrix {

uint64_t BitsOf(const Address& address, int at, int width) {
  uint64_t bits = 0;
  for (int byte = at / 8; byte < (at + width) / 8; ++byte)
    bits = bits << 8 | address.bytes[static_cast<size_t>(byte)];
  return bits;
}

namespace {

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

}  // namespace

WideIntervals AddressIntervals(PrefixClasses prefixes, uint32_t outer, int at, int width,
                               TreeTable* trees) {
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
    while (end < prefixes.size() && BitsOf(prefixes[end].prefix.address, at, width) == first) ++end;
    const uint32_t around = painting.WordAt(first);
    const WideIntervals behind =
        AddressIntervals(prefixes.subspan(i, end - i), around, at + width, 64, trees);
    painting.Paint(first, first, WideWord(behind, trees));
    i = end;
  }
  return painting.Finish();
}

uint32_t WideWord(const WideIntervals& intervals, TreeTable* trees) {
  if (intervals.size() == 1) return intervals.front().second;
  return PM_ADDRESS_TREE | trees->AddWide(intervals);
}

}  // namespace portmatrix
