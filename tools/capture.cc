// SPDX-License-Identifier: Apache-2.0
#include "tools/capture.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "agent/policy/protocol.h"
#include "tools/late_library.h"

namespace portmatrix {
namespace {

// What is called of libpcap.
#define PORTMATRIX_PCAP_FUNCTIONS(X) \
  X(pcap_close)                      \
  X(pcap_datalink)                   \
  X(pcap_datalink_val_to_name)       \
  X(pcap_file)                       \
  X(pcap_geterr)                     \
  X(pcap_next_ex)                    \
  X(pcap_open_offline_with_tstamp_precision)

struct Pcap {
// NOLINTNEXTLINE(bugprone-macro-parentheses): the name of a member
#define X(name) decltype(&::name) name = nullptr;
  PORTMATRIX_PCAP_FUNCTIONS(X)
#undef X
};

Result<Pcap> LoadPcap() {
  Result<LateLibrary> library = LateLibrary::Load(PORTMATRIX_LIBPCAP);
  if (!library) return library.error();
  Pcap pcap;
#define X(name) library->Find(#name, &pcap.name);
  PORTMATRIX_PCAP_FUNCTIONS(X)
#undef X
  if (library->missing()) return *library->missing();
  return pcap;
}

const Result<Pcap>& Library() {
  static const Result<Pcap> kLibrary = LoadPcap();
  return kLibrary;
}

constexpr size_t kEthernetBytes = 14;
// A wire length beyond this is a damaged file's: no link sends such a frame (BIG TCP stays below).
constexpr uint32_t kLargestWireBytes = 1 << 20;

std::string WhyNot(int link) {
  const char* word = Library()->pcap_datalink_val_to_name(link);
  std::string why =
      fmt::format("its link type is {}, but hooks see Ethernet frames",
                  word != nullptr ? std::string(word) : fmt::format("number {}", link));
  if (link == DLT_LINUX_SLL || link == DLT_LINUX_SLL2)
    why += "; capture on the device by its name instead of on `any`";
  return why;
}

}  // namespace

void Capture::Closer::operator()(pcap_t* pcap) const { Library()->pcap_close(pcap); }

Result<Capture> Capture::Open(const std::string& path) {
  if (!Library()) return Library().error();
  char message[PCAP_ERRBUF_SIZE] = "";
  pcap_t* pcap = Library()->pcap_open_offline_with_tstamp_precision(
      path.c_str(), PCAP_TSTAMP_PRECISION_NANO, message);
  if (pcap == nullptr) return Error{"read capture", path, 0, message};
  Capture capture(path, pcap);
  const int link = Library()->pcap_datalink(pcap);
  capture.is_ip_ = link == DLT_RAW || link == DLT_IPV4 || link == DLT_IPV6;
  if (link != DLT_EN10MB && !capture.is_ip_) return Error{"read capture", path, 0, WhyNot(link)};
  struct stat status = {};
  if (fstat(fileno(Library()->pcap_file(pcap)), &status) == 0 && S_ISREG(status.st_mode))
    capture.file_bytes_ = status.st_size;
  return capture;
}

Result<std::optional<CapturedFrame>> Capture::Next() {
  pcap_pkthdr* header = nullptr;
  const u_char* bytes = nullptr;
  const int result = Library()->pcap_next_ex(pcap_.get(), &header, &bytes);
  if (result == PCAP_ERROR_BREAK) return std::optional<CapturedFrame>();
  if (result != 1) return Error{"read capture", path_, 0, Library()->pcap_geterr(pcap_.get())};

  CapturedFrame frame;
  const timeval& stamp = header->ts;
  frame.time = static_cast<uint64_t>(std::max<int64_t>(0, stamp.tv_sec)) * 1'000'000'000u +
               static_cast<uint64_t>(std::clamp<int64_t>(stamp.tv_usec, 0, 999'999'999));
  const size_t wire = std::min(std::max(header->len, header->caplen), kLargestWireBytes);
  const size_t captured = std::min<size_t>(header->caplen, wire);
  frame.truncated = captured < wire;
  frame.bytes = {bytes, captured};
  if (!frame.truncated && !is_ip_) return std::optional(frame);

  const size_t link_bytes = is_ip_ ? kEthernetBytes : 0;
  frame_.assign(link_bytes + wire, 0);
  std::memcpy(frame_.data() + link_bytes, bytes, captured);
  if (is_ip_) {
    const bool v6 = captured > 0 && bytes[0] >> 4 == 6;
    const uint16_t type = v6 ? ethertype::kIpv6 : ethertype::kIpv4;
    frame_[kEthernetBytes - 2] = static_cast<uint8_t>(type >> 8);
    frame_[kEthernetBytes - 1] = static_cast<uint8_t>(type);
  }
  frame.bytes = frame_;
  return std::optional(frame);
}

std::optional<double> Capture::Progress() const {
  if (file_bytes_ == 0) return std::nullopt;
  const int64_t at = ftell(Library()->pcap_file(pcap_.get()));
  if (at < 0) return std::nullopt;
  return static_cast<double>(at) / static_cast<double>(file_bytes_);
}

}  // namespace portmatrix
