// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/tuple.h"

#include <algorithm>
#include <string_view>
#include <type_traits>
#include <utility>

#include "agent/policy/protocol.h"

namespace portmatrix {
namespace {

// Hash and equality look at bytes.
static_assert(std::has_unique_object_representations_v<pm_tuple>);

Address ReadAddress(const uint8_t (&bytes)[16], uint8_t family) {
  Address address;
  address.family = family == 4 ? Family::kIpv4 : Family::kIpv6;
  std::copy(std::begin(bytes), std::end(bytes), address.bytes.begin());
  return address;
}

uint16_t NetworkOrder(std::span<const uint8_t, 8> bytes, size_t offset) {
  return static_cast<uint16_t>(bytes[offset] << 8 | bytes[offset + 1]);
}

uint16_t EchoRequestService(const pm_tuple& tuple) {
  return IcmpService(tuple.family == 4 ? icmp::kEchoRequest : icmpv6::kEchoRequest, 0);
}

uint16_t EchoReplyService(const pm_tuple& tuple) {
  return IcmpService(tuple.family == 4 ? icmp::kEchoReply : icmpv6::kEchoReply, 0);
}

}  // namespace

Address TupleSource(const pm_tuple& tuple) { return ReadAddress(tuple.source, tuple.family); }

Address TupleDestination(const pm_tuple& tuple) {
  return ReadAddress(tuple.destination, tuple.family);
}

pm_tuple MakeTuple(const Address& source, const Address& destination, uint8_t protocol) {
  pm_tuple tuple{};
  std::copy(source.bytes.begin(), source.bytes.end(), tuple.source);
  std::copy(destination.bytes.begin(), destination.bytes.end(), tuple.destination);
  tuple.protocol = protocol;
  tuple.family = static_cast<uint8_t>(source.family);
  return tuple;
}

void SetService(pm_tuple& tuple, std::span<const uint8_t, 8> transport) {
  if (IsIcmp(tuple)) {
    tuple.destination_port = IcmpService(transport[0], transport[1]);
    tuple.source_port = IsEcho(tuple) ? NetworkOrder(transport, 4) : uint16_t{0};
    return;
  }
  switch (tuple.protocol) {
    case protocol::kTcp:
    case protocol::kUdp:
    case protocol::kSctp:
      tuple.source_port = NetworkOrder(transport, 0);
      tuple.destination_port = NetworkOrder(transport, 2);
      break;
    default:
      break;
  }
}

std::optional<pm_tuple> Reversed(const pm_tuple& tuple) {
  pm_tuple reversed = tuple;
  std::swap(reversed.source, reversed.destination);
  if (IsIcmp(tuple)) {
    if (!IsEcho(tuple)) return std::nullopt;
    reversed.destination_port =
        IsEchoRequest(tuple) ? EchoReplyService(tuple) : EchoRequestService(tuple);
    return reversed;
  }
  std::swap(reversed.source_port, reversed.destination_port);
  return reversed;
}

bool IsIcmp(const pm_tuple& tuple) {
  return tuple.protocol == (tuple.family == 4 ? protocol::kIcmp : protocol::kIcmpv6);
}

bool IsEcho(const pm_tuple& tuple) {
  return IsEchoRequest(tuple) ||
         (IsIcmp(tuple) && tuple.destination_port == EchoReplyService(tuple));
}

bool IsEchoRequest(const pm_tuple& tuple) {
  return IsIcmp(tuple) && tuple.destination_port == EchoRequestService(tuple);
}

size_t TupleHash::operator()(const pm_tuple& tuple) const {
  return std::hash<std::string_view>()({reinterpret_cast<const char*>(&tuple), sizeof(tuple)});
}

}  // namespace portmatrix
