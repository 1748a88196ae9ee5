// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/odd_packets.h"

#include <cerrno>

#include "tests/support/edge_node.h"
#include "tests/support/judgement_text.h"
#include "tests/support/node_builder.h"

namespace portmatrix {
namespace {

constexpr uint64_t kMillisecond = PM_SECOND / 1000;
constexpr uint64_t kHours = 3ULL * 3600 * PM_SECOND;  // longer than any entry lives
constexpr uint32_t kEthernetBytes = 14;

Interface Web(const std::string& name, const std::string& device, const VlanSelector& vlan) {
  const std::vector<std::string> local = {"203.0.113.0/28", "2001:db8::/64"};
  Interface interface = MakeInterface(
      name, device, local,
      {{.id = name + "-web",
        .direction = Direction::kIn,
        .match = {.to = local, .protocols = {protocol::kTcp}, .ports = {Port(443)}}}});
  interface.vlan = vlan;
  return interface;
}

VlanSelector Tags(uint16_t outer, uint16_t inner = 0) {
  return {.kind = VlanSelector::Kind::kTags, .outer = outer, .inner = inner};
}

}  // namespace

std::unique_ptr<ThreeJudges> OddPackets::judges_;
uint64_t OddPackets::begin_ = 0;

Node OddNode() {
  Node node = EdgeNode();
  node.interfaces.push_back(Web("customer", "eth0", Tags(5)));
  node.interfaces.push_back(Web("stacked", "eth0", Tags(5, 6)));
  node.interfaces.push_back(Web("rest", "eth1", {.kind = VlanSelector::Kind::kAny}));
  node.interfaces.push_back(Web("trunk", "eth2", Tags(7)));
  node.interfaces.push_back(Web("audited", "eth3", {}));
  node.interfaces.back().mode = Mode::kAudit;
  node.interfaces.push_back(Web("open", "eth4", {}));
  node.interfaces.back().default_verdict = Verdict::kPass;
  node.interfaces.back().ethertypes.push_back(0);
  return node;
}

void OddPackets::SetUp() {
  NEEDS_KERNEL();
  if (judges_ == nullptr) {
    auto made = ThreeJudges::Make(OddNode());
    ASSERT_TRUE(made.ok()) << made.error().Text();
    judges_ = std::move(*made);
    begin_ = kHours;
  }
  WaitHours();
}

void OddPackets::WaitHours() { begin_ += kHours; }

void OddPackets::Expect(const Step& step, const Carriage& carriage, uint32_t wire_packets) {
  const wire::Bytes bytes = step.packet;
  const auto difference =
      judges_->Judge(step.device, step.direction, bytes, begin_ + step.milliseconds * kMillisecond,
                     carriage, wire_packets);
  EXPECT_FALSE(difference) << *difference;
  EXPECT_EQ(Describe(judges_->last()), step.expected);
  CompareCounters();
}

void OddPackets::ExpectQuickly(Direction direction, const wire::Bytes& bytes,
                               const std::string& expected) {
  const auto difference = judges_->Judge("eth0", direction, bytes, begin_);
  ASSERT_FALSE(difference) << *difference;
  ASSERT_EQ(Describe(judges_->last()), expected);
}

void OddPackets::CompareCounters() {
  const auto difference = judges_->CompareCounters();
  EXPECT_FALSE(difference) << *difference;
}

void OddPackets::Expect(const std::vector<Story>& stories) {
  for (const Story& story : stories) {
    WaitHours();
    for (size_t i = 0; i < story.steps.size(); ++i) {
      SCOPED_TRACE(story.name + ", step " + std::to_string(i + 1));
      Expect(story.steps[i]);
    }
  }
}

void OddPackets::ExpectMany(const std::vector<Story>& stories) {
  for (const Story& story : stories) {
    WaitHours();
    for (const Step& step : story.steps) {
      SCOPED_TRACE(story.name);
      ExpectQuickly(step.direction, step.packet, step.expected);
    }
  }
  CompareCounters();
}

bool OddPackets::ChoosesFirstBuffer() {
  // Elsewhere than before the judges, whose counters must stay as they are.
  auto simulator = Simulator::Load({.rules = 1, .flows = 65536, .fragments = 1024});
  if (!simulator) return false;
  const wire::Bytes frame(64);
  return (*simulator)
      ->Run(Direction::kIn, 0, frame, 0, {.first_buffer_bytes = kEthernetBytes})
      .ok();
}

void OddPackets::ExpectWhereverBuffersPart(const Step& step) {
  const wire::Bytes bytes = step.packet;
  for (uint32_t first = kEthernetBytes; first < bytes.size(); ++first) {
    const auto difference =
        judges_->Judge(step.device, step.direction, bytes,
                       begin_ + step.milliseconds * kMillisecond, {.first_buffer_bytes = first});
    ASSERT_FALSE(difference) << *difference << "\n" << first << " bytes in the first buffer";
    ASSERT_EQ(Describe(judges_->last()), step.expected) << first << " bytes in the first buffer";
  }
}

std::vector<Story> Stories(const std::vector<Row>& rows) {
  std::vector<Story> stories;
  for (const Row& row : rows)
    stories.push_back({row.name,
                       {{.direction = row.direction,
                         .packet = row.packet,
                         .expected = row.expected,
                         .device = row.device}}});
  return stories;
}

wire::Ipv4 Ipv4Going(Direction direction) {
  const wire::Ip host = HostAddress(Family::kIpv4), peer = PeerAddress(Family::kIpv4);
  if (direction == Direction::kIn) return {.source = peer, .destination = host};
  return {.source = host, .destination = peer};
}

wire::Ipv6 Ipv6Going(Direction direction) {
  const wire::Ip host = HostAddress(Family::kIpv6), peer = PeerAddress(Family::kIpv6);
  if (direction == Direction::kIn) return {.source = peer, .destination = host};
  return {.source = host, .destination = peer};
}

wire::Stack Https() { return TcpOf(49152, 443, wire::kSyn); }

std::string HttpsPasses(Direction direction) {
  return direction == Direction::kIn ? "pass rule web" : "pass rule https-out";
}

}  // namespace portmatrix
