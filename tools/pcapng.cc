// SPDX-License-Identifier: Apache-2.0
#include "tools/pcapng.h"

#include <algorithm>

namespace portmatrix {
namespace {

constexpr uint32_t kSection = 0x0a0d0d0a, kInterface = 1, kEnhancedPacket = 6;
constexpr uint32_t kByteOrderMagic = 0x1a2b3c4d;
// Option codes: the first two are of every block.
constexpr uint16_t kEndOfOptions = 0, kComment = 1;
constexpr uint16_t kSectionApplication = 4;
constexpr uint16_t kInterfaceName = 2, kInterfaceTimeResolution = 9;
constexpr uint16_t kPacketFlags = 2;
constexpr uint32_t kInbound = 1, kOutbound = 2;  // bits 0 and 1 of the flags
constexpr char kNanoseconds = 9;                 // 10^-9 s
// What an option's length has room for, less its padding.
constexpr size_t kMostOptionBytes = 65532;

class Content {
 public:
  Content& U16(uint16_t value) { return Append(&value, sizeof value); }
  Content& U32(uint32_t value) { return Append(&value, sizeof value); }
  Content& Padded(std::string_view bytes) {
    Append(bytes.data(), bytes.size());
    bytes_.resize((bytes_.size() + 3) / 4 * 4);
    return *this;
  }
  Content& Option(uint16_t code, std::string_view value) {
    const std::string_view fit = value.substr(0, std::min(value.size(), kMostOptionBytes));
    has_options_ = true;
    return U16(code).U16(static_cast<uint16_t>(fit.size())).Padded(fit);
  }
  // The length stands before and behind the content.
  std::string Block(uint32_t type) {
    if (has_options_) U16(kEndOfOptions).U16(0);
    const auto length = static_cast<uint32_t>(bytes_.size() + 12);
    Content block;
    block.U32(type).U32(length).Append(bytes_.data(), bytes_.size()).U32(length);
    return block.bytes_;
  }

 private:
  Content& Append(const void* from, size_t size) {
    bytes_.append(static_cast<const char*>(from), size);
    return *this;
  }
  std::string bytes_;
  bool has_options_ = false;
};

std::string_view BytesOf(const uint32_t& word) {
  return {reinterpret_cast<const char*>(&word), sizeof word};
}

}  // namespace

std::string PcapngSection(std::string_view application) {
  Content content;
  // Version 1.0; a length of the section that is not given.
  content.U32(kByteOrderMagic).U16(1).U16(0).U32(0xffffffff).U32(0xffffffff);
  if (!application.empty()) content.Option(kSectionApplication, application);
  return content.Block(kSection);
}

std::string PcapngInterface(uint16_t link, uint32_t snap_bytes, std::string_view name) {
  Content content;
  content.U16(link).U16(0).U32(snap_bytes);
  if (!name.empty()) content.Option(kInterfaceName, name);
  content.Option(kInterfaceTimeResolution, {&kNanoseconds, 1});
  return content.Block(kInterface);
}

std::string PcapngPacketBlock(const PcapngPacket& packet) {
  Content content;
  content.U32(packet.interface)
      .U32(static_cast<uint32_t>(packet.time >> 32))
      .U32(static_cast<uint32_t>(packet.time))
      .U32(static_cast<uint32_t>(packet.bytes.size()))
      .U32(packet.wire_bytes)
      .Padded({reinterpret_cast<const char*>(packet.bytes.data()), packet.bytes.size()});
  if (!packet.comment.empty()) content.Option(kComment, packet.comment);
  if (packet.outbound)
    content.Option(kPacketFlags, BytesOf(*packet.outbound ? kOutbound : kInbound));
  return content.Block(kEnhancedPacket);
}

}  // namespace portmatrix
