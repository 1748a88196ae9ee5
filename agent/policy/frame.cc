// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/frame.h"

#include "agent/policy/byte_reader.h"
#include "agent/policy/protocol.h"

namespace portmatrix {
namespace {

constexpr size_t kMacAddressBytes = 6;
constexpr size_t kMaxTags = 2;

bool IsTag(uint16_t ethertype) {
  return ethertype == ethertype::kVlan || ethertype == ethertype::kServiceVlan;
}

uint16_t VlanIdentifier(uint32_t tag_control) { return tag_control & 0x0fff; }

}  // namespace

std::optional<LinkHeader> DecodeLink(std::span<const uint8_t> frame,
                                     std::optional<uint32_t> metadata_tag) {
  ByteReader reader(frame);
  reader.Skip(2 * kMacAddressBytes);
  uint16_t ethertype = reader.U16();

  std::array<uint16_t, kMaxTags> tags{};
  size_t tag_count = 0;
  if (metadata_tag) tags[tag_count++] = VlanIdentifier(*metadata_tag);
  while (IsTag(ethertype)) {
    if (tag_count == kMaxTags) return std::nullopt;
    tags[tag_count++] = VlanIdentifier(reader.U16());
    ethertype = reader.U16();
  }
  if (reader.failed()) return std::nullopt;

  LinkHeader link;
  size_t named = 0;
  for (const uint16_t tag : tags) {
    if (tag != 0) link.vlan[named++] = tag;
  }
  link.ethertype = ethertype < ethertype::kSmallest ? uint16_t{0} : ethertype;
  link.payload = reader.rest();
  return link;
}

}  // namespace portmatrix
