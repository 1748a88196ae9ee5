// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/capture_reading.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "agent/datapath/file_descriptor.h"
#include "agent/policy/packet.h"
#include "tools/capture.h"

namespace portmatrix {
namespace {

// The largest frame that a capture gives, and the least that one packet takes in a file.
constexpr size_t kMaxFrameBytes = (1 << 20) + 14;
constexpr size_t kMinRecordBytes = 12;

}  // namespace

std::string CaptureProblem(std::string_view file) {
  const FileDescriptor memory(memfd_create("capture", MFD_CLOEXEC));
  if (!memory.valid() ||
      write(memory.get(), file.data(), file.size()) != static_cast<ssize_t>(file.size()))
    return "no memory for the file";
  auto capture = Capture::Open("/proc/self/fd/" + std::to_string(memory.get()));
  if (!capture) return capture.error().Text().empty() ? "refused without a word" : "";
  for (size_t packets = 0; packets <= file.size() / kMinRecordBytes; ++packets) {
    const auto frame = capture->Next();
    if (!frame) return frame.error().Text().empty() ? "ends without a word" : "";
    if (!*frame) return "";
    const auto& bytes = (*frame)->bytes;
    if (bytes.size() > kMaxFrameBytes) return "a frame larger than any link sends";
    // Each byte is there.
    (void)std::ranges::count(bytes, uint8_t{0});
    if (const auto read = capture->Progress(); read && (*read < 0 || *read > 1))
      return "more was read than there is";
  }
  return "more packets than fit into the file";
}

}  // namespace portmatrix
