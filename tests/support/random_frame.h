// SPDX-License-Identifier: Apache-2.0
// An endless stream of frames aimed at a node's policy: at the edges of its rules, and at each
// other, because most of what can go wrong needs an earlier frame: answers, later fragments, ICMP
// errors about them.
#ifndef PORTMATRIX_TESTS_SUPPORT_RANDOM_FRAME_H_
#define PORTMATRIX_TESTS_SUPPORT_RANDOM_FRAME_H_

#include <cstdint>
#include <string>
#include <vector>

#include "agent/policy/model.h"
#include "tests/support/packet_builder.h"
#include "tests/support/random.h"
#include "tests/support/talk.h"

namespace portmatrix {

struct GeneratedFrame {
  std::string device;
  Direction direction = Direction::kIn;
  bool segmented = false;      // a super-packet (GSO), on send only: its lengths are the buffer's
  std::vector<uint8_t> bytes;  // at most 9,000, on send 1,500 or segmented 3,500; seldom under 14
  uint64_t time = 0;           // nanoseconds; does not go back
};

class FrameGenerator {
 public:
  // `node` must outlive the generator, or stay until the next Retarget. The same node and seed give
  // the same frames.
  FrameGenerator(const Node& node, uint64_t seed);
  // Aims at another policy from now on; earlier frames are still answered and continued.
  void Retarget(const Node& node);
  GeneratedFrame Next();

 private:
  // A packet of which the first fragment was sent.
  struct Series {
    Talk talk;
    uint32_t identification = 0;
    uint16_t first_bytes = 0;  // of the first fragment's payload
  };
  struct Sent {
    Talk talk;  // where it travels
    wire::Bytes bytes;
  };

  Sent NextSent();
  Sent Opening();
  Sent Continuation();
  Sent Answer();
  // One talk followed closely through its states and timeouts, before other frames blur them.
  Sent Lifetime();
  Sent LaterFragment();
  Sent IcmpError();
  Sent Neighbour();
  Sent Dhcp();
  Sent Spoofed();
  Sent NotIp();

  // The talk's packet: whole, or the first fragment of a new series.
  Sent Send(const Talk& talk, uint8_t tcp_flags);
  const Talk& Earlier();
  void AdvanceTime();

  TalkSource source_;
  Random random_;
  uint64_t time_;
  std::vector<Talk> talks_;  // some of those sent before
  std::vector<Series> series_;
  Talk followed_;           // by Lifetime
  size_t follow_left_ = 0;  // frames
};

}  // namespace portmatrix

#endif  // PORTMATRIX_TESTS_SUPPORT_RANDOM_FRAME_H_
