// SPDX-License-Identifier: Apache-2.0
// Random resolved policies from a small pool of addresses and ports, so that rules nest, overlap
// and share edges all the time.
#ifndef PORTMATRIX_TESTS_SUPPORT_RANDOM_POLICY_H_
#define PORTMATRIX_TESTS_SUPPORT_RANDOM_POLICY_H_

#include <cstddef>

#include "agent/policy/model.h"
#include "tests/support/random.h"

namespace portmatrix {

// A node as resolving could have left it: one to three interfaces on `eth0`, `eth1`, ..., sometimes
// sharing a device by VLAN. Most have up to 40 rules an interface, some none, a few 300.
Node RandomNode(Random& random);

// The same node with one to four things changed: rules inserted, removed, moved, altered, switched
// off; local addresses, failsafe entries, defaults, modes; seldom an interface added or taken away.
// Keys of rules that stay are kept.
Node Mutate(const Node& node, Random& random);

// Has some of the rules depend on live sets, of which the node gets some, in an order that is another
// one now and then. What depended on one before goes on to.
void AddLiveSets(Node& node, Random& random);

// Pieces, for tests that need one of them.
Prefix RandomPrefix(Random& random);
AddressSet RandomAddresses(Random& random, size_t max_prefixes);
Match RandomMatch(Random& random);

}  // namespace portmatrix

#endif  // PORTMATRIX_TESTS_SUPPORT_RANDOM_POLICY_H_
