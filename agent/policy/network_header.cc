// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/network_header.h"

#include <algorithm>

#include "agent/policy/byte_reader.h"
#include "agent/policy/protocol.h"

namespace portmatrix {
namespace {

constexpr size_t kIpv4HeaderBytes = 20;
constexpr size_t kIpv6HeaderBytes = 40;
constexpr uint32_t kFragmentUnit = 8;
constexpr size_t kMaxReassembledBytes = 65535;

constexpr uint8_t kOptionEnd = 0;
constexpr uint8_t kOptionNothing = 1;
constexpr uint8_t kOptionLooseSourceRoute = 131;
constexpr uint8_t kOptionStrictSourceRoute = 137;

Address ReadAddress(ByteReader& reader, Family family) {
  Address address;
  address.family = family;
  const auto bytes = reader.Take(static_cast<size_t>(AddressBits(family) / 8));
  std::copy(bytes.begin(), bytes.end(), address.bytes.begin());
  return address;
}

bool OptionsAreWellFormed(std::span<const uint8_t> options) {
  ByteReader reader(options);
  while (reader.remaining() > 0) {
    const uint8_t kind = reader.U8();
    if (kind == kOptionEnd) return true;
    if (kind == kOptionNothing) continue;
    if (kind == kOptionLooseSourceRoute || kind == kOptionStrictSourceRoute) return false;
    const uint8_t length = reader.U8();
    if (reader.failed() || length < 2) return false;
    reader.Skip(length - 2u);
    if (reader.failed()) return false;
  }
  return true;
}

struct FragmentField {
  uint32_t offset = 0;  // bytes
  bool more = false;

  pm_fragment_kind kind() const {
    if (offset != 0) return PM_LATER;
    return more ? PM_FIRST : PM_WHOLE;
  }
  bool Fits(size_t payload) const {
    if (more && payload % kFragmentUnit != 0) return false;
    return offset + payload <= kMaxReassembledBytes;
  }
};

void SetFragment(NetworkHeader& header, const FragmentField& field, uint32_t identification) {
  header.fragment = field.kind();
  if (header.fragment == PM_WHOLE) return;
  header.fragment_offset = field.offset;
  header.identification = identification;
}

// What an IPv4 header says before its lengths are judged.
struct Ipv4Fields {
  NetworkHeader header;
  size_t header_bytes = 0;
  size_t total_bytes = 0;
  FragmentField fragment;
};

std::optional<Ipv4Fields> ReadIpv4(std::span<const uint8_t> bytes) {
  ByteReader reader(bytes);
  Ipv4Fields fields;
  const uint8_t version_and_length = reader.U8();
  reader.Skip(1);  // type of service
  fields.total_bytes = reader.U16();
  const uint16_t identification = reader.U16();
  const uint16_t flags_and_offset = reader.U16();
  fields.header.hop_limit = reader.U8();
  fields.header.protocol = reader.U8();
  reader.Skip(2);  // checksum
  fields.header.source = ReadAddress(reader, Family::kIpv4);
  fields.header.destination = ReadAddress(reader, Family::kIpv4);
  fields.header_bytes = (version_and_length & 0x0f) * size_t{4};
  fields.fragment = {.offset = (flags_and_offset & 0x1fffu) * kFragmentUnit,
                     .more = (flags_and_offset & 0x2000) != 0};
  SetFragment(fields.header, fields.fragment, identification);
  if (reader.failed() || version_and_length >> 4 != 4 || fields.header_bytes < kIpv4HeaderBytes ||
      fields.header_bytes > bytes.size()) {
    return std::nullopt;
  }
  return fields;
}

bool IsExtension(uint8_t next_header) {
  switch (next_header) {
    case protocol::kHopByHop:
    case protocol::kRouting:
    case protocol::kFragment:
    case protocol::kAuthentication:
    case protocol::kDestinationOptions:
    case protocol::kMobility:
    case protocol::kHostIdentity:
    case protocol::kShim6:
      return true;
    default:
      return false;
  }
}

// Bytes of an extension header that are left after its first two.
size_t RestOfExtension(uint8_t kind, uint8_t length_field) {
  if (kind == protocol::kFragment) return 6;
  if (kind == protocol::kAuthentication) return (length_field + 2u) * 4u - 2;
  return (length_field + 1u) * 8u - 2;
}

bool RouteIsFinished(std::span<const uint8_t> rest) {
  const uint8_t type = rest[0];
  const uint8_t segments_left = rest[1];
  return type != 0 && segments_left == 0;
}

// Follows the chain of extension headers from the end of the fixed header to the transport header,
// or to the fragment header of a later fragment. `reader` ends where the packet does.
bool WalkExtensions(ByteReader& reader, uint8_t next_header, bool judge_fragment,
                    NetworkHeader& header) {
  size_t fragmentable = reader.position();
  bool fragment_seen = false;
  for (int count = 0; IsExtension(next_header); ++count) {
    if (count == PM_MAX_EXTENSION_HEADERS) return false;
    const uint8_t kind = next_header;
    next_header = reader.U8();
    const uint8_t length_field = reader.U8();
    const auto rest = reader.Take(RestOfExtension(kind, length_field));
    if (reader.failed()) return false;
    if (kind == protocol::kRouting && !RouteIsFinished(rest)) return false;
    if (kind != protocol::kFragment) continue;

    if (fragment_seen) return false;
    fragment_seen = true;
    fragmentable = reader.position();
    ByteReader fields(rest);
    const uint16_t offset_and_more = fields.U16();
    const FragmentField fragment = {.offset = offset_and_more & 0xfff8u,
                                    .more = (offset_and_more & 1) != 0};
    SetFragment(header, fragment, fields.U32());
    if (judge_fragment && header.fragment != PM_WHOLE && !fragment.Fits(reader.remaining())) {
      return false;
    }
    if (header.fragment == PM_LATER) {
      next_header = 0;
      break;
    }
  }
  header.protocol = next_header;
  header.transport = reader.rest();
  header.transport_offset = reader.position() - fragmentable;
  return true;
}

struct Ipv6Fields {
  NetworkHeader header;
  uint8_t next_header = 0;
  size_t payload_bytes = 0;
};

std::optional<Ipv6Fields> ReadIpv6(std::span<const uint8_t> bytes) {
  ByteReader reader(bytes);
  Ipv6Fields fields;
  const uint8_t version = reader.U8() >> 4;
  reader.Skip(3);  // traffic class and flow label
  fields.payload_bytes = reader.U16();
  fields.next_header = reader.U8();
  fields.header.hop_limit = reader.U8();
  fields.header.source = ReadAddress(reader, Family::kIpv6);
  fields.header.destination = ReadAddress(reader, Family::kIpv6);
  if (reader.failed() || version != 6) return std::nullopt;
  return fields;
}

}  // namespace

std::optional<NetworkHeader> DecodeIpv4(std::span<const uint8_t> bytes, Extent extent) {
  std::optional<Ipv4Fields> fields = ReadIpv4(bytes);
  if (!fields) return std::nullopt;
  if (extent == Extent::kByLengthField) {
    if (fields->total_bytes < fields->header_bytes || fields->total_bytes > bytes.size()) {
      return std::nullopt;
    }
    bytes = bytes.first(fields->total_bytes);
  }
  if (!OptionsAreWellFormed(
          bytes.subspan(kIpv4HeaderBytes, fields->header_bytes - kIpv4HeaderBytes))) {
    return std::nullopt;
  }
  fields->header.transport = bytes.subspan(fields->header_bytes);
  if (fields->header.fragment != PM_WHOLE &&
      !fields->fragment.Fits(fields->header.transport.size())) {
    return std::nullopt;
  }
  return fields->header;
}

std::optional<NetworkHeader> DecodeIpv6(std::span<const uint8_t> bytes, Extent extent) {
  std::optional<Ipv6Fields> fields = ReadIpv6(bytes);
  if (!fields) return std::nullopt;
  bytes = bytes.subspan(kIpv6HeaderBytes);
  if (extent == Extent::kByLengthField) {
    if (fields->payload_bytes > bytes.size()) return std::nullopt;
    bytes = bytes.first(fields->payload_bytes);
  }
  ByteReader reader(bytes);
  if (!WalkExtensions(reader, fields->next_header, /*judge_fragment=*/true, fields->header)) {
    return std::nullopt;
  }
  return fields->header;
}

std::optional<NetworkHeader> DecodeEmbeddedIpv4(std::span<const uint8_t> bytes) {
  std::optional<Ipv4Fields> fields = ReadIpv4(bytes);
  if (!fields) return std::nullopt;
  fields->header.transport = bytes.subspan(fields->header_bytes);
  return fields->header;
}

std::optional<NetworkHeader> DecodeEmbeddedIpv6(std::span<const uint8_t> bytes) {
  std::optional<Ipv6Fields> fields = ReadIpv6(bytes);
  if (!fields) return std::nullopt;
  ByteReader reader(bytes.subspan(kIpv6HeaderBytes));
  if (!WalkExtensions(reader, fields->next_header, /*judge_fragment=*/false, fields->header)) {
    return std::nullopt;
  }
  return fields->header;
}

}  // namespace portmatrix
