// SPDX-License-Identifier: Apache-2.0
// Packets of a capture file, pcap or pcapng, as whole Ethernet frames. libpcap, which reads them,
// is loaded with the first file.
#ifndef PORTMATRIX_TOOLS_CAPTURE_H_
#define PORTMATRIX_TOOLS_CAPTURE_H_

#include <pcap/pcap.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "agent/datapath/result.h"

namespace portmatrix {

struct CapturedFrame {
  std::span<const uint8_t> bytes;  // of its wire length; valid until the next one is read
  uint64_t time = 0;               // nanoseconds since 1970
  bool truncated = false;          // what the capture does not hold are zeros
};

class Capture {
 public:
  // `-` is standard input. Refuses link types that hold no Ethernet frames; packets that begin with
  // their IP header are given an Ethernet header.
  static Result<Capture> Open(const std::string& path);

  // The next frame; nothing at the end. A file that is cut off is an error after its last whole
  // packet.
  Result<std::optional<CapturedFrame>> Next();

  // How much of the file was read, from 0 to 1; nothing where it is no file.
  std::optional<double> Progress() const;

 private:
  struct Closer {
    void operator()(pcap_t* pcap) const;
  };
  Capture(std::string path, pcap_t* pcap) : path_(std::move(path)), pcap_(pcap) {}

  std::string path_;
  std::unique_ptr<pcap_t, Closer> pcap_;
  bool is_ip_ = false;  // no link header
  int64_t file_bytes_ = 0;
  std::vector<uint8_t> frame_;  // where one had to be made
};

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_CAPTURE_H_
