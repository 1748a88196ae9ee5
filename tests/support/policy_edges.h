// SPDX-License-Identifier: Apache-2.0
// The addresses and ports at which a node's policy changes its mind: the first and last of every
// prefix and range, their neighbours just outside, and the addresses that the rules of judging name
// themselves.
#ifndef PORTMATRIX_TESTS_SUPPORT_POLICY_EDGES_H_
#define PORTMATRIX_TESTS_SUPPORT_POLICY_EDGES_H_

#include <array>
#include <cstdint>
#include <vector>

#include "agent/policy/model.h"
#include "tests/support/random.h"

namespace portmatrix {

class PolicyEdges {
 public:
  explicit PolicyEdges(const Node& node);

  // Anything of the family: inside, at the edge or just outside of a prefix of the policy, or
  // special.
  Address AnyAddress(Random& random, Family family) const;
  uint16_t AnyPort(Random& random) const;

  // Mostly inside the set; where it has no address of the family, anything.
  Address AddressNear(Random& random, const AddressSet& set, Family family) const;
  // Mostly inside the ranges, at their edges above all.
  uint16_t PortNear(Random& random, const std::vector<PortRange>& ranges) const;

 private:
  std::array<std::vector<Prefix>, 2> prefixes_;  // IPv4, IPv6
  std::vector<PortRange> ranges_;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_TESTS_SUPPORT_POLICY_EDGES_H_
