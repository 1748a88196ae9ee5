// SPDX-License-Identifier: Apache-2.0
// The evaluator's table of fragments: what was decided on the first one of a packet, for the later
// ones to take.
#ifndef PORTMATRIX_AGENT_POLICY_FRAGMENTS_H_
#define PORTMATRIX_AGENT_POLICY_FRAGMENTS_H_

#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "agent/policy/judging.h"
#include "agent/policy/model.h"
#include "maps/layout.h"

namespace portmatrix {

struct FirstFragment {
  pm_packet packet{};
  uint64_t time = 0;
  uint64_t generation = 0;
  Decision decision;  // of `generation`: its rule is not to be followed in another
};

class Fragments {
 public:
  // Of two firsts the latest decides.
  void Store(Direction direction, const FirstFragment& first);
  // The first of a later fragment's packet; null if none came in the last 30 seconds. Valid until
  // the next Store.
  FirstFragment* Find(Direction direction, const pm_packet& later, uint64_t now);

 private:
  struct KeyEqual {
    bool operator()(const pm_fragment_key& a, const pm_fragment_key& b) const;
  };
  struct KeyHash {
    size_t operator()(const pm_fragment_key& key) const;
  };
  static pm_fragment_key KeyOf(Direction direction, const pm_packet& packet);

  std::unordered_map<pm_fragment_key, FirstFragment, KeyHash, KeyEqual> firsts_;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_FRAGMENTS_H_
