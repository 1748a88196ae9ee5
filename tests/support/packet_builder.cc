// SPDX-License-Identifier: Apache-2.0
#include "tests/support/packet_builder.h"

#include <algorithm>
#include <array>
#include <span>
#include <stdexcept>
#include <string>

namespace portmatrix::wire {
namespace {

constexpr std::array<uint8_t, 12> kMacAddresses = {0x02, 0, 0, 0, 0, 2, 0x02, 0, 0, 0, 0, 1};
constexpr size_t kChunkBytes = 20;

void Put8(Bytes& bytes, size_t value) { bytes.push_back(static_cast<uint8_t>(value)); }
void Put16(Bytes& bytes, size_t value) {
  Put8(bytes, value >> 8);
  Put8(bytes, value);
}
void Put32(Bytes& bytes, size_t value) {
  Put16(bytes, value >> 16);
  Put16(bytes, value);
}
void Set16(Bytes& bytes, size_t offset, size_t value) {
  bytes[offset] = static_cast<uint8_t>(value >> 8);
  bytes[offset + 1] = static_cast<uint8_t>(value);
}
void Append(Bytes& bytes, std::span<const uint8_t> more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
}
void PutAddress(Bytes& bytes, const Address& address, Family family) {
  Append(bytes, std::span(address.bytes).first(static_cast<size_t>(AddressBits(family) / 8)));
}
void PadTo(Bytes& bytes, size_t unit) { bytes.resize((bytes.size() + unit - 1) / unit * unit); }

// The ones' complement sum of RFC 1071 over `bytes`, on top of `sum`, not yet complemented.
uint32_t Sum(std::span<const uint8_t> bytes, uint32_t sum = 0) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    sum += i % 2 == 0 ? static_cast<uint32_t>(bytes[i]) << 8 : bytes[i];
  }
  return sum;
}
uint16_t Fold(uint32_t sum) {
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

// CRC32c as SCTP uses it (RFC 9260, appendix A), bit by bit.
uint32_t Crc32c(std::span<const uint8_t> bytes) {
  uint32_t crc = ~0u;
  for (const uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0u);
  }
  return ~crc;
}

// What the layer before calls a layer.
struct Naming {
  uint16_t ethertype = 0;
  uint8_t protocol = protocol::kNoNextHeader;
};
struct NameOf {
  Naming operator()(const Vlan& vlan) const { return {.ethertype = vlan.tpid}; }
  Naming operator()(const Ipv4&) const { return {.ethertype = ethertype::kIpv4, .protocol = 4}; }
  Naming operator()(const Ipv6&) const { return {.ethertype = ethertype::kIpv6, .protocol = 41}; }
  Naming operator()(const Extension& extension) const { return Number(extension.kind); }
  Naming operator()(const Routing&) const { return Number(protocol::kRouting); }
  Naming operator()(const FragmentHeader&) const { return Number(protocol::kFragment); }
  Naming operator()(const Authentication&) const { return Number(protocol::kAuthentication); }
  Naming operator()(const Tcp&) const { return Number(protocol::kTcp); }
  Naming operator()(const Udp&) const { return Number(protocol::kUdp); }
  Naming operator()(const Sctp&) const { return Number(protocol::kSctp); }
  Naming operator()(const Icmp&) const { return Number(protocol::kIcmp); }
  Naming operator()(const Icmpv6&) const { return Number(protocol::kIcmpv6); }
  Naming operator()(const Payload& payload) const { return Number(payload.protocol); }
  Naming operator()(const auto&) const { return {}; }

 private:
  static Naming Number(uint8_t protocol) { return {.protocol = protocol}; }
};

// Writes one layer in front of the bytes of those behind it.
struct Writer {
  Naming next;
  const Layer* network = nullptr;  // the IP layer that this one stands behind
  Bytes inner;

  Bytes operator()(const Ethernet& ethernet) const {
    Bytes bytes(kMacAddresses.begin(), kMacAddresses.end());
    Put16(bytes, ethernet.ethertype.value_or(next.ethertype));
    Append(bytes, inner);
    return bytes;
  }

  Bytes operator()(const Vlan& vlan) const {
    Bytes bytes;
    Put16(bytes, static_cast<size_t>(vlan.priority) << 13 | vlan.id);
    Put16(bytes, vlan.ethertype.value_or(next.ethertype));
    Append(bytes, inner);
    return bytes;
  }

  Bytes operator()(const Ipv4& ip) const {
    Bytes options = ip.options;
    PadTo(options, 4);
    const size_t header_bytes = 20 + options.size();
    Bytes bytes;
    Put8(bytes, static_cast<size_t>(ip.version) << 4 | ip.header_words.value_or(header_bytes / 4));
    Put8(bytes, 0);
    Put16(bytes, ip.total_length.value_or(header_bytes + inner.size()));
    Put16(bytes, ip.identification);
    Put16(bytes, (ip.reserved_flag ? 0x8000u : 0) | (ip.dont_fragment ? 0x4000u : 0) |
                     (ip.more_fragments ? 0x2000u : 0) | ip.fragment_offset / 8u);
    Put8(bytes, ip.hop_limit);
    Put8(bytes, ip.protocol.value_or(next.protocol));
    Put16(bytes, 0);
    PutAddress(bytes, ip.source, Family::kIpv4);
    PutAddress(bytes, ip.destination, Family::kIpv4);
    Append(bytes, options);
    Set16(bytes, 10, Fold(Sum(bytes)));
    Append(bytes, inner);
    return bytes;
  }

  Bytes operator()(const Ipv6& ip) const {
    Bytes bytes;
    Put32(bytes, static_cast<size_t>(ip.version) << 28);
    Put16(bytes, ip.payload_length.value_or(inner.size()));
    Put8(bytes, ip.next_header.value_or(next.protocol));
    Put8(bytes, ip.hop_limit);
    PutAddress(bytes, ip.source, Family::kIpv6);
    PutAddress(bytes, ip.destination, Family::kIpv6);
    Append(bytes, inner);
    return bytes;
  }

  Bytes operator()(const Extension& extension) const {
    Bytes bytes = {extension.next_header.value_or(next.protocol), 0};
    Append(bytes, extension.content);
    PadTo(bytes, 8);
    bytes[1] = extension.length.value_or(bytes.size() / 8 - 1);
    Append(bytes, inner);
    return bytes;
  }

  Bytes operator()(const Routing& routing) const {
    Bytes bytes = {routing.next_header.value_or(next.protocol), 0, routing.type,
                   routing.segments_left};
    bytes.resize(bytes.size() + routing.content_bytes);
    PadTo(bytes, 8);
    bytes[1] = routing.length.value_or(bytes.size() / 8 - 1);
    Append(bytes, inner);
    return bytes;
  }

  Bytes operator()(const FragmentHeader& fragment) const {
    Bytes bytes = {fragment.next_header.value_or(next.protocol), 0};
    Put16(bytes, (fragment.offset & 0xfff8u) | (fragment.more ? 1u : 0));
    Put32(bytes, fragment.identification);
    Append(bytes, inner);
    return bytes;
  }

  Bytes operator()(const Authentication& header) const {
    Bytes bytes = {header.next_header.value_or(next.protocol), 0, 0, 0};
    Put32(bytes, 1);  // security parameters index
    Put32(bytes, 1);  // sequence number
    bytes.resize(bytes.size() + header.icv_bytes);
    bytes[1] = header.length.value_or(bytes.size() / 4 - 2);
    Append(bytes, inner);
    return bytes;
  }

  Bytes operator()(const Tcp& tcp) const {
    Bytes bytes;
    Put16(bytes, tcp.source_port);
    Put16(bytes, tcp.destination_port);
    Put32(bytes, tcp.sequence);
    Put32(bytes, tcp.acknowledgment);
    Put8(bytes, 0);
    Put8(bytes, tcp.flags);
    Put16(bytes, 65535);  // window
    Put32(bytes, 0);      // checksum and urgent pointer
    Append(bytes, tcp.options);
    PadTo(bytes, 4);
    bytes[12] = static_cast<uint8_t>(tcp.header_words.value_or(bytes.size() / 4) << 4);
    Append(bytes, inner);
    SetChecksum(bytes, 16, protocol::kTcp);
    return bytes;
  }

  Bytes operator()(const Udp& udp) const {
    Bytes bytes;
    Put16(bytes, udp.source_port);
    Put16(bytes, udp.destination_port);
    Put16(bytes, udp.length.value_or(8 + inner.size()));
    Put16(bytes, 0);
    Append(bytes, inner);
    SetChecksum(bytes, 6, protocol::kUdp);
    return bytes;
  }

  Bytes operator()(const Sctp& sctp) const {
    Bytes bytes;
    Put16(bytes, sctp.source_port);
    Put16(bytes, sctp.destination_port);
    Put32(bytes, 0);  // verification tag
    Put32(bytes, 0);  // checksum
    if (sctp.chunk) {
      Put8(bytes, *sctp.chunk);
      Put8(bytes, 0);
      Put16(bytes, kChunkBytes);
      bytes.resize(bytes.size() + kChunkBytes - 4);
    }
    Append(bytes, inner);
    const uint32_t crc = Crc32c(bytes);
    for (size_t i = 0; i < 4; ++i) bytes[8 + i] = static_cast<uint8_t>(crc >> (8 * i));
    return bytes;
  }

  Bytes operator()(const Icmp& icmp) const {
    Bytes bytes = IcmpHeader(icmp);
    Set16(bytes, 2, Fold(Sum(bytes)));
    return bytes;
  }

  Bytes operator()(const Icmpv6& icmp) const {
    Bytes bytes = IcmpHeader(icmp);
    SetChecksum(bytes, 2, protocol::kIcmpv6);
    return bytes;
  }

  Bytes operator()(const Payload& payload) const {
    Bytes bytes = payload.bytes;
    Append(bytes, inner);
    return bytes;
  }

  Bytes operator()(const Cut& cut) const {
    Bytes bytes = inner;
    bytes.resize(std::min(bytes.size(), cut.bytes));
    return bytes;
  }

 private:
  Bytes IcmpHeader(const auto& icmp) const {
    Bytes bytes = {icmp.type, icmp.code, 0, 0};
    Put16(bytes, icmp.identifier);
    Put16(bytes, icmp.sequence);
    Append(bytes, inner);
    return bytes;
  }

  void SetChecksum(Bytes& bytes, size_t offset, uint8_t protocol) const {
    if (network == nullptr) return;
    Bytes pseudo;
    if (const auto* ipv4 = std::get_if<Ipv4>(network)) {
      PutAddress(pseudo, ipv4->source, Family::kIpv4);
      PutAddress(pseudo, ipv4->destination, Family::kIpv4);
    } else if (const auto* ipv6 = std::get_if<Ipv6>(network)) {
      PutAddress(pseudo, ipv6->source, Family::kIpv6);
      PutAddress(pseudo, ipv6->destination, Family::kIpv6);
    }
    Put32(pseudo, bytes.size());
    Put32(pseudo, protocol);
    Set16(bytes, offset, Fold(Sum(bytes, Sum(pseudo))));
  }
};

bool IsNetwork(const Layer& layer) {
  return std::holds_alternative<Ipv4>(layer) || std::holds_alternative<Ipv6>(layer);
}

Bytes BuildFrom(std::span<const Layer> layers, const Layer* network) {
  if (layers.empty()) return {};
  const auto behind = layers.subspan(1);
  const auto named = std::ranges::find_if_not(
      behind, [](const Layer& layer) { return std::holds_alternative<Cut>(layer); });
  const Layer* network_behind = IsNetwork(layers.front()) ? layers.data() : network;
  return std::visit(Writer{.next = named == behind.end() ? Naming{} : std::visit(NameOf(), *named),
                           .network = network,
                           .inner = BuildFrom(behind, network_behind)},
                    layers[0]);
}

}  // namespace

Ip::Ip(const char* text) {
  const std::optional<Address> address = ParseAddress(text);
  if (!address) throw std::invalid_argument(std::string("not an address: ") + text);
  Address::operator=(*address);
}

Payload Zeros(size_t count, uint8_t protocol) {
  return {.bytes = Bytes(count), .protocol = protocol};
}

Stack& Stack::Add(const Stack& inner) {
  layers_.insert(layers_.end(), inner.layers_.begin(), inner.layers_.end());
  return *this;
}

Bytes Stack::Build() const { return BuildFrom(layers_, nullptr); }

}  // namespace portmatrix::wire
