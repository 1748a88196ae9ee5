// SPDX-License-Identifier: Apache-2.0
#include "tests/support/capture_file.h"

#include <string>

#include "tools/pcapng.h"

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
  const wire::Bytes& bytes() const { return bytes_; }

 private:
  wire::Bytes bytes_;
};

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
  std::string file =
      PcapngSection("") + PcapngInterface(static_cast<uint16_t>(link), kSnapBytes, "");
  for (const CaptureRecord& record : records)
    file += PcapngPacketBlock(
        {.time = record.time, .bytes = record.bytes, .wire_bytes = WireBytes(record)});
  return {file.begin(), file.end()};
}

}  // namespace portmatrix
