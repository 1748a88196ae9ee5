// SPDX-License-Identifier: Apache-2.0
#include "tests/support/frame_mutator.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "agent/policy/protocol.h"

namespace portmatrix {
namespace {

constexpr size_t kEthernetBytes = 14;

uint16_t Read16(const std::vector<uint8_t>& frame, size_t offset) {
  if (offset + 2 > frame.size()) return 0;
  return static_cast<uint16_t>(frame[offset] << 8 | frame[offset + 1]);
}

size_t NetworkOffset(const std::vector<uint8_t>& frame) {
  size_t offset = kEthernetBytes;
  while (offset + 4 <= frame.size()) {
    const uint16_t type = Read16(frame, offset - 2);
    if (type != ethertype::kVlan && type != ethertype::kServiceVlan) break;
    offset += 4;
  }
  return offset;
}

uint16_t NextTo(Random& random, uint16_t value) {
  switch (random.Below(6)) {
    case 0:
      return static_cast<uint16_t>(value + 1);
    case 1:
      return static_cast<uint16_t>(value - 1);
    case 2:
      return static_cast<uint16_t>(value + 8);
    case 3:
      return 0;
    case 4:
      return 0xffff;
    default:
      return random.Port();
  }
}

// A 16-bit field, or one byte, at an even place of the first headers: lengths, fragment words, next
// headers, flags.
void ChangeField(Random& random, std::vector<uint8_t>& frame) {
  static constexpr std::array<size_t, 22> kOffsets = {0,  2,  4,  6,  8,  9,  20, 24, 32, 36, 40,
                                                      41, 42, 44, 46, 48, 50, 52, 54, 56, 28, 33};
  const size_t offset = NetworkOffset(frame) + random.From(kOffsets);
  if (offset + 2 > frame.size()) return;
  if (random.Percent(50)) {
    frame[offset] = static_cast<uint8_t>(NextTo(random, frame[offset]));
    return;
  }
  const uint16_t changed = NextTo(random, Read16(frame, offset));
  frame[offset] = static_cast<uint8_t>(changed >> 8);
  frame[offset + 1] = static_cast<uint8_t>(changed);
}

void FlipBit(Random& random, std::vector<uint8_t>& frame) {
  // Most of what is read stands in the first hundred bytes.
  const size_t reach = random.Percent(80) ? std::min<size_t>(frame.size(), 100) : frame.size();
  frame[random.Below(reach)] ^= static_cast<uint8_t>(1u << random.Below(8));
}

void CutEnd(Random& random, std::vector<uint8_t>& frame) {
  const size_t least = random.Percent(5) ? 0 : kEthernetBytes;
  if (frame.size() > least) frame.resize(least + random.Below(frame.size() - least));
}

void InsertBytes(Random& random, std::vector<uint8_t>& frame) {
  const size_t offset = random.Below(frame.size() + 1);
  const auto count = random.Pick<size_t>({1, 2, 4, 8, 16});
  frame.insert(frame.begin() + static_cast<ptrdiff_t>(offset), count, random.Byte());
}

void EraseBytes(Random& random, std::vector<uint8_t>& frame) {
  if (frame.size() <= kEthernetBytes) return;
  const size_t offset = kEthernetBytes + random.Below(frame.size() - kEthernetBytes);
  const size_t count = std::min(random.Pick<size_t>({1, 2, 4, 8}), frame.size() - offset);
  const auto first = frame.begin() + static_cast<ptrdiff_t>(offset);
  frame.erase(first, first + static_cast<ptrdiff_t>(count));
}

}  // namespace

void ForgetLengths(Random& random, std::vector<uint8_t>& frame) {
  const size_t at = NetworkOffset(frame);
  const uint16_t type = Read16(frame, at - 2);
  const bool ipv6 = type == ethertype::kIpv6;
  const size_t end = at + (ipv6 ? 40 : 20);
  if ((!ipv6 && type != ethertype::kIpv4) || frame.size() < end + 8) return;
  const auto length = random.Pick<uint16_t>({0, 1500, 1460, 7, 65535, random.Port()});
  const auto write = [&](size_t offset) {
    frame[offset] = static_cast<uint8_t>(length >> 8);
    frame[offset + 1] = static_cast<uint8_t>(length);
  };
  write(at + (ipv6 ? 4 : 2));
  if (frame[at + (ipv6 ? 6 : 9)] == protocol::kUdp) write(end + 4);
}

void MutateFrame(Random& random, std::vector<uint8_t>& frame) {
  for (size_t count = 1 + random.Below(3); count > 0 && !frame.empty(); --count) {
    const size_t kind = random.Below(100);
    if (kind < 40) {
      ChangeField(random, frame);
    } else if (kind < 65) {
      FlipBit(random, frame);
    } else if (kind < 85) {
      CutEnd(random, frame);
    } else if (kind < 93) {
      InsertBytes(random, frame);
    } else {
      EraseBytes(random, frame);
    }
  }
}

}  // namespace portmatrix
