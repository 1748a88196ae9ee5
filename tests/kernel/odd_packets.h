// SPDX-License-Identifier: Apache-2.0
// Tables of odd packets before three judges: each row says verdict, reason and rule; the judges
// must agree, and every counter must be where the row puts the packet.
#ifndef PORTMATRIX_TESTS_KERNEL_ODD_PACKETS_H_
#define PORTMATRIX_TESTS_KERNEL_ODD_PACKETS_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/policy/model.h"
#include "tests/kernel/privilege.h"
#include "tests/kernel/three_judges.h"
#include "tests/support/packet_builder.h"
#include "tests/support/story.h"

namespace portmatrix {

// EdgeNode (tests/support/edge_node.h) on untagged eth0, and beside it:
//   customer  eth0, VLAN 5      in: customer-web (TCP 443)
//   stacked   eth0, VLAN 5, 6   in: stacked-web (TCP 443)
//   rest      eth1, any VLAN    in: rest-web (TCP 443)
//   trunk     eth2, VLAN 7; no interface is untagged there
//   audited   eth3              in: audited-web (TCP 443), audit
//   open      eth4              default: pass, 802.3 lengths (0) on its Ethertype list
// all with the same local addresses. Nothing binds eth9.
Node OddNode();

class OddPackets : public testing::Test {
 protected:
  static void TearDownTestSuite() { judges_.reset(); }
  void SetUp() override;

  // Tells each story, long after the one before, so that nothing is left of it.
  void Expect(const std::vector<Story>& stories);
  // The same for many, with one look at the counters at the end.
  void ExpectMany(const std::vector<Story>& stories);
  void Expect(const Step& step, const Carriage& carriage = {}, uint32_t wire_packets = 1);
  // One packet of many: counters are looked at by CompareCounters.
  void ExpectQuickly(Direction direction, const wire::Bytes& bytes, const std::string& expected);
  void CompareCounters();
  // The frame with its first buffer ending after every byte; nothing where the kernel cannot say.
  void ExpectWhereverBuffersPart(const Step& step);
  static bool ChoosesFirstBuffer();

  void WaitHours();

 private:
  static std::unique_ptr<ThreeJudges> judges_;
  static uint64_t begin_;  // of the story that is told
};

// Rows of one packet.
struct Row {
  std::string name;
  Direction direction = Direction::kIn;
  wire::Stack packet;
  std::string expected;
  std::string device = "eth0";
};
std::vector<Story> Stories(const std::vector<Row>& rows);

// IP headers from peer to host (in) or back, to be made odd.
wire::Ipv4 Ipv4Going(Direction direction);
wire::Ipv6 Ipv6Going(Direction direction);
// An opening packet to a port that a rule of either direction allows: `web`, `https-out`.
wire::Stack Https();
// "pass rule web" in, "pass rule https-out" out.
std::string HttpsPasses(Direction direction);

}  // namespace portmatrix

#endif  // PORTMATRIX_TESTS_KERNEL_ODD_PACKETS_H_
