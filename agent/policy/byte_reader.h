// SPDX-License-Identifier: Apache-2.0
// A cursor over bytes in network order that cannot read beyond their end: a read that would gives
// zero and marks the reader as failed, once and for all, so that a decoder reads a whole header and
// asks at its end.
#ifndef PORTMATRIX_AGENT_POLICY_BYTE_READER_H_
#define PORTMATRIX_AGENT_POLICY_BYTE_READER_H_

#include <cstddef>
#include <cstdint>
#include <span>

namespace portmatrix {

class ByteReader {
 public:
  explicit ByteReader(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  bool failed() const { return failed_; }
  size_t position() const { return position_; }
  size_t remaining() const { return bytes_.size() - position_; }
  std::span<const uint8_t> rest() const { return bytes_.subspan(position_); }

  // The next `count` bytes; empty where there are fewer.
  std::span<const uint8_t> Take(size_t count) {
    if (failed_ || count > remaining()) {
      failed_ = true;
      return {};
    }
    position_ += count;
    return bytes_.subspan(position_ - count, count);
  }

  void Skip(size_t count) { Take(count); }
  uint8_t U8() { return static_cast<uint8_t>(Number(1)); }
  uint16_t U16() { return static_cast<uint16_t>(Number(2)); }
  uint32_t U32() { return Number(4); }

 private:
  uint32_t Number(size_t width) {
    uint32_t number = 0;
    for (const uint8_t byte : Take(width)) number = number << 8 | byte;
    return number;
  }

  std::span<const uint8_t> bytes_;
  size_t position_ = 0;
  bool failed_ = false;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_BYTE_READER_H_
