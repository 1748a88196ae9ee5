// SPDX-License-Identifier: Apache-2.0
#include "tests/support/capture_file.h"

#include <cstring>

namespace portmatrix {
namespace {

constexpr uint32_t kSnapBytes = 262144;

// In this machine's byte order, which both formats allow.
class Writer {
 public:
  Writer& U16(uint16_t value) { return Append(&value, sizeof value); }
  Writer& U32(uint32_t value) { return Append(&value, sizeof value); }
  Writer& Append(const void* from, size_t size) {
    const auto* bytes = static_cast<const uint8_t*>(from);
    bytes_.insert(bytes_.end(), bytes, bytes + size);
    return *this;
  }
  Writer& PadTo4() {
    bytes_.resize((bytes_.size() + 3) / 4 * 4);
    return *this;
  }
  const wire::Bytes& bytes() const { return bytes_; }

 private:
  wire::Bytes bytes_;
};

// A pcapng block: its length stands before and behind the content.
void AddBlock(Writer* file, uint32_t type, const wire::Bytes& content) {
  const auto length = static_cast<uint32_t>(content.size() + 12);
  file->U32(type).U32(length).Append(content.data(), content.size()).U32(length);
}

uint32_t WireBytes(const CaptureRecord& record) {
  return record.wire_bytes.value_or(static_cast<uint32_t>(record.bytes.size()));
}

}  // namespace

wire::Bytes PcapFile(const std::vector<CaptureRecord>& records, uint32_t link) {
  constexpr uint32_t kNanosecondMagic = 0xa1b23c4d;
  Writer file;
  file.U32(kNanosecondMagic).U16(2).U16(4).U32(0).U32(0).U32(kSnapBytes).U32(link);
  for (const CaptureRecord& record : records) {
    file.U32(static_cast<uint32_t>(record.time / 1'000'000'000))
        .U32(static_cast<uint32_t>(record.time % 1'000'000'000))
        .U32(static_cast<uint32_t>(record.bytes.size()))
        .U32(WireBytes(record))
        .Append(record.bytes.data(), record.bytes.size());
  }
  return file.bytes();
}

wire::Bytes PcapngFile(const std::vector<CaptureRecord>& records, uint32_t link) {
  constexpr uint32_t kSection = 0x0a0d0d0a, kInterface = 1, kPacket = 6;
  Writer file;
  AddBlock(&file, kSection,
           Writer().U32(0x1a2b3c4d).U16(1).U16(0).U32(0xffffffff).U32(0xffffffff).bytes());
  constexpr uint8_t kNanoseconds[4] = {9, 0, 0, 0};  // option if_tsresol: 10^-9 s
  AddBlock(&file, kInterface,
           Writer()
               .U16(static_cast<uint16_t>(link))
               .U16(0)
               .U32(kSnapBytes)
               .U16(9)
               .U16(1)
               .Append(kNanoseconds, sizeof kNanoseconds)
               .U32(0)
               .bytes());
  for (const CaptureRecord& record : records) {
    AddBlock(&file, kPacket,
             Writer()
                 .U32(0)
                 .U32(static_cast<uint32_t>(record.time >> 32))
                 .U32(static_cast<uint32_t>(record.time))
                 .U32(static_cast<uint32_t>(record.bytes.size()))
                 .U32(WireBytes(record))
                 .Append(record.bytes.data(), record.bytes.size())
                 .PadTo4()
                 .bytes());
  }
  return file.bytes();
}

}  // namespace portmatrix
