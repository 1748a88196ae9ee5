// SPDX-License-Identifier: Apache-2.0
// The content of one live set as values, and what a lookup that finds only the innermost entry must
// know of those around it.
#ifndef PORTMATRIX_AGENT_DATAPATH_LIVE_ENTRIES_H_
#define PORTMATRIX_AGENT_DATAPATH_LIVE_ENTRIES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "maps/address.h"
#include "maps/layout.h"

namespace portmatrix {

struct LiveEntry {
  uint64_t until = PM_LIVE_FOREVER;  // nanoseconds of the program's clock
  uint64_t added_at = 0;             // nanoseconds since 1970
  uint32_t uid = 0;
  bool operator==(const LiveEntry&) const = default;
};

bool IsHost(const Prefix& prefix);

class LiveEntries {
 public:
  using Map = std::map<Prefix, LiveEntry>;

  const Map& all() const { return entries_; }
  size_t size() const { return entries_.size(); }
  bool Contains(const Prefix& prefix) const { return entries_.contains(prefix); }

  void Put(const Prefix& prefix, const LiveEntry& entry);
  bool Erase(const Prefix& prefix);  // false: it was not there

  // The latest time of the entry at `prefix` and of all entries around it; zero: there are none.
  uint64_t Until(const Prefix& prefix) const;
  // The entries inside of `prefix` that are no single addresses, itself among them.
  std::vector<Prefix> Within(const Prefix& prefix) const;

 private:
  size_t& CountOf(const Prefix& prefix);

  Map entries_;
  std::array<std::array<size_t, 129>, 2> by_length_{};  // how many there are, by family and length
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_DATAPATH_LIVE_ENTRIES_H_
