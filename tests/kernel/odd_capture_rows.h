// SPDX-License-Identifier: Apache-2.0
// How the rows of odd_capture.h are written down.
#ifndef PORTMATRIX_TESTS_KERNEL_ODD_CAPTURE_ROWS_H_
#define PORTMATRIX_TESTS_KERNEL_ODD_CAPTURE_ROWS_H_

#include <string>
#include <utility>
#include <vector>

#include "tests/kernel/odd_capture.h"
#include "tests/support/edge_node.h"

namespace portmatrix {

class CaptureRows {
 public:
  void Add(const std::string& name, Direction direction, const wire::Stack& packet,
           const std::string& expected) {
    const std::string way = ToString(direction);
    rows_.push_back({name + ", " + way, packet, way + " " + expected});
  }
  // Behind an IP header of both directions and families.
  void Transport(const std::string& name, const wire::Stack& content, const std::string& in,
                 const std::string& out) {
    for (const Family family : {Family::kIpv4, Family::kIpv6}) {
      Add(name, Direction::kIn, In(family, content), in);
      Add(name, Direction::kOut, Out(family, content), out);
    }
  }
  std::vector<CapturedRow> Take() { return std::move(rows_); }

 private:
  std::vector<CapturedRow> rows_;
};

// Outcomes; of an opening packet to TCP 443 and of a datagram to UDP 50000 in each direction.
inline const char* const kDropMalformed = "drop malformed";
inline const char* const kDropDefault = "drop default";
std::string ByRule(const std::string& id);
std::string AsReply(const std::string& id);
std::string WebPasses(Direction direction);
std::string MediaPasses(Direction direction);

// Up to the network layer, and above it.
void AddTags(CaptureRows& rows);
void AddIpv4Headers(CaptureRows& rows);
void AddIpv6Headers(CaptureRows& rows);
void AddFragments(CaptureRows& rows);
void AddTransports(CaptureRows& rows);
void AddIcmp(CaptureRows& rows);
void AddAddresses(CaptureRows& rows);
void AddSizes(CaptureRows& rows);

}  // namespace portmatrix

#endif  // PORTMATRIX_TESTS_KERNEL_ODD_CAPTURE_ROWS_H_
