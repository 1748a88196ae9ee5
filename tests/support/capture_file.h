// SPDX-License-Identifier: Apache-2.0
// Capture files as a test writes them down.
#ifndef PORTMATRIX_TESTS_SUPPORT_CAPTURE_FILE_H_
#define PORTMATRIX_TESTS_SUPPORT_CAPTURE_FILE_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "tests/support/packet_builder.h"

namespace portmatrix {

struct CaptureRecord {
  uint64_t time = 0;  // nanoseconds since 1970
  wire::Bytes bytes;  // captured
  std::optional<uint32_t> wire_bytes = {};
};

inline constexpr uint32_t kLinkEthernet = 1;
inline constexpr uint32_t kLinkRaw = 101;
inline constexpr uint32_t kLinkLinuxSll = 113;

// The bytes of a file, with nanoseconds.
wire::Bytes PcapFile(const std::vector<CaptureRecord>& records, uint32_t link = kLinkEthernet);
wire::Bytes PcapngFile(const std::vector<CaptureRecord>& records, uint32_t link = kLinkEthernet);

}  // namespace portmatrix

#endif  // PORTMATRIX_TESTS_SUPPORT_CAPTURE_FILE_H_
