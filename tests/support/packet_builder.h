// SPDX-License-Identifier: Apache-2.0
// Frames written down layer by layer: `Ethernet{} / Ipv4{.source = "192.0.2.1", .destination =
// "192.0.2.2"} / Tcp{.flags = kSyn}`. Lengths, next protocols and checksums follow from what comes
// after a layer unless a field says otherwise, so that a test overrides exactly what is odd about
// its packet. An IP layer behind an ICMP one is its embedded packet.
#ifndef PORTMATRIX_TESTS_SUPPORT_PACKET_BUILDER_H_
#define PORTMATRIX_TESTS_SUPPORT_PACKET_BUILDER_H_

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "agent/policy/protocol.h"
#include "maps/address.h"
#include "maps/layout.h"

namespace portmatrix::wire {

using Bytes = std::vector<uint8_t>;

inline constexpr uint8_t kFin = PM_TCP_FIN;
inline constexpr uint8_t kSyn = PM_TCP_SYN;
inline constexpr uint8_t kRst = PM_TCP_RST;
inline constexpr uint8_t kPush = 0x08;
inline constexpr uint8_t kAck = PM_TCP_ACK;

// An address, or its text, which must be a valid one. Implicit, so that packets are written with
// texts.
struct Ip : Address {
  Ip() = default;
  Ip(const Address& address) : Address(address) {}  // NOLINT(google-explicit-constructor)
  Ip(const char* text);                             // NOLINT(google-explicit-constructor)
};

struct Ethernet {
  std::optional<uint16_t> ethertype = {};
};

struct Vlan {
  uint16_t id = 0;
  uint16_t tpid = ethertype::kVlan;
  uint8_t priority = 0;
  std::optional<uint16_t> ethertype = {};  // of what follows
};

struct Ipv4 {
  Ip source = {};
  Ip destination = {};
  uint8_t hop_limit = 64;
  uint16_t identification = 0;
  bool more_fragments = false;
  uint16_t fragment_offset = 0;  // bytes, a multiple of 8
  bool reserved_flag = false;
  bool dont_fragment = false;
  Bytes options = {};  // padded with zeros to a multiple of 4
  std::optional<uint8_t> protocol = {};
  uint8_t version = 4;
  std::optional<uint8_t> header_words = {};  // the IHL field
  std::optional<uint16_t> total_length = {};
};

struct Ipv6 {
  Ip source = {};
  Ip destination = {};
  uint8_t hop_limit = 64;
  std::optional<uint8_t> next_header = {};
  uint8_t version = 6;
  std::optional<uint16_t> payload_length = {};
};

// Hop-by-hop, destination options, mobility, host identity, shim6: two bytes and a content padded
// with zeros.
struct Extension {
  uint8_t kind = protocol::kDestinationOptions;
  Bytes content = {};
  std::optional<uint8_t> length = {};  // in 8 bytes beyond the first 8
  std::optional<uint8_t> next_header = {};
};

struct Routing {
  uint8_t type = 4;
  uint8_t segments_left = 0;
  size_t content_bytes = 4;  // behind type and segments, 4 beyond a multiple of 8
  std::optional<uint8_t> length = {};
  std::optional<uint8_t> next_header = {};
};

struct FragmentHeader {
  uint32_t identification = 0;
  uint16_t offset = 0;  // bytes, a multiple of 8
  bool more = false;
  std::optional<uint8_t> next_header = {};
};

struct Authentication {
  size_t icv_bytes = 12;
  std::optional<uint8_t> length = {};  // in 4 bytes, less 2
  std::optional<uint8_t> next_header = {};
};

struct Tcp {
  uint16_t source_port = 49152;
  uint16_t destination_port = 0;
  uint8_t flags = kAck;
  uint32_t sequence = 1;
  uint32_t acknowledgment = 0;
  Bytes options = {};                        // padded with zeros to a multiple of 4
  std::optional<uint8_t> header_words = {};  // the data offset field
};

struct Udp {
  uint16_t source_port = 49152;
  uint16_t destination_port = 0;
  std::optional<uint16_t> length = {};
};

struct Sctp {
  uint16_t source_port = 49152;
  uint16_t destination_port = 0;
  std::optional<uint8_t> chunk = {};  // type of a first chunk, 20 bytes long
};

struct Icmp {
  uint8_t type = icmp::kEchoRequest;
  uint8_t code = 0;
  uint16_t identifier = 0;  // first half of the header's rest
  uint16_t sequence = 0;    // second half
};

struct Icmpv6 {
  uint8_t type = icmpv6::kEchoRequest;
  uint8_t code = 0;
  uint16_t identifier = 0;
  uint16_t sequence = 0;
};

// Bytes of a protocol that has no layer here (ESP, GRE, ...) or of none: `protocol` is what the
// layer before calls it.
struct Payload {
  Bytes bytes = {};
  uint8_t protocol = protocol::kNoNextHeader;
};

// So many zeros.
Payload Zeros(size_t count, uint8_t protocol = protocol::kNoNextHeader);

// At most so many bytes of what follows, whose names the layer before takes all the same. In front
// of everything it cuts the frame.
struct Cut {
  size_t bytes = 0;
};

using Layer = std::variant<Ethernet, Vlan, Ipv4, Ipv6, Extension, Routing, FragmentHeader,
                           Authentication, Tcp, Udp, Sctp, Icmp, Icmpv6, Payload, Cut>;

// Layers, outermost first. Implicit both ways: a layer is a stack of one, and a stack is good where
// bytes are.
class Stack {
 public:
  Stack() = default;
  template <typename L>
  requires std::constructible_from<Layer, L> Stack(L layer)  // NOLINT(google-explicit-constructor)
      : layers_{Layer(std::move(layer))} {}

  Stack& Add(const Stack& inner);
  const std::vector<Layer>& layers() const { return layers_; }
  Bytes Build() const;
  operator Bytes() const { return Build(); }  // NOLINT(google-explicit-constructor)

 private:
  std::vector<Layer> layers_;
};

inline Stack operator/(Stack outer, const Stack& inner) {
  outer.Add(inner);
  return outer;
}

}  // namespace portmatrix::wire

#endif  // PORTMATRIX_TESTS_SUPPORT_PACKET_BUILDER_H_
