// SPDX-License-Identifier: Apache-2.0
// Tuples (maps/layout.h, struct pm_tuple) as the evaluator reads them: the addresses and ports by
// which a packet is judged, and the tuple that an answer to it would carry.
#ifndef PORTMATRIX_AGENT_POLICY_TUPLE_H_
#define PORTMATRIX_AGENT_POLICY_TUPLE_H_

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "maps/address.h"
#include "maps/layout.h"

namespace portmatrix {

Address TupleSource(const pm_tuple& tuple);
Address TupleDestination(const pm_tuple& tuple);

// A tuple with these addresses and protocol and no ports. Both addresses are of one family.
pm_tuple MakeTuple(const Address& source, const Address& destination, uint8_t protocol);

// Sets the fields that stand for ports from the first eight bytes of a transport header: ports of
// TCP, UDP and SCTP, type, code and identifier of ICMP; nothing for other protocols.
void SetService(pm_tuple& tuple, std::span<const uint8_t, 8> transport);

// The tuple of an answer; none for ICMP that is neither echo request nor echo reply.
std::optional<pm_tuple> Reversed(const pm_tuple& tuple);

// ICMP in IPv4 or ICMPv6 in IPv6.
bool IsIcmp(const pm_tuple& tuple);
// An echo request or echo reply of code 0.
bool IsEcho(const pm_tuple& tuple);
bool IsEchoRequest(const pm_tuple& tuple);

struct TupleEqual {
  bool operator()(const pm_tuple& a, const pm_tuple& b) const {
    return std::memcmp(&a, &b, sizeof(a)) == 0;
  }
};

struct TupleHash {
  size_t operator()(const pm_tuple& tuple) const;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_TUPLE_H_
