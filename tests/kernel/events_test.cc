// SPDX-License-Identifier: Apache-2.0
// Events: what the program tells of a packet. (That telling changes no verdict and no counter is
// differential_test's, which listens all the while.)
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/kernel/event_world.h"

namespace portmatrix {
namespace {

using wire::Ethernet;
using wire::Icmp;
using wire::Ipv4;
using wire::Ipv6;
using wire::Stack;
using wire::Tcp;
using wire::Udp;
using wire::Vlan;
using wire::Zeros;

struct Told {
  const char* device;
  Direction direction;
  Stack packet;
  const char* expected;  // empty: nothing is told
};

TEST_F(Events, TellWhatHappenedToWhichPacket) {
  ASSERT_TRUE(events_->Listen(UINT64_MAX, 1000).ok());
  const std::vector<Told> rows = {
      {"eth0", kIn, In(Syn(23)),
       "wan eth0 in drop default; 6 198.51.100.7 49152 > 203.0.113.11 23; type 0800, flags 02"},
      {"eth0", kIn, In(Syn(443)), ""},
      {"eth0", kIn, In(Syn(8443)),
       "wan eth0 in pass rule wan/m/logged; 6 198.51.100.7 49152 > 203.0.113.11 8443; type 0800, "
       "flags 02"},
      {"eth0", kOut,
       Out(Tcp{.source_port = 8443, .destination_port = 49152, .flags = wire::kSyn | wire::kAck}),
       "wan eth0 out pass reply wan/m/logged; 6 203.0.113.11 8443 > 198.51.100.7 49152; type 0800, "
       "flags 12"},
      {"eth0", kIn, In(Syn(21)),
       "wan eth0 in drop rule wan/m/no-ftp; 6 198.51.100.7 49152 > 203.0.113.11 21; type 0800, "
       "flags 02"},
      // A conversation: the packet that opens it and its answers, of a rule that logs and of one
      // that does not.
      {"eth0", kOut, Out(Udp{.source_port = 4000, .destination_port = 53}),
       "wan eth0 out pass rule wan/m/dns; 17 203.0.113.11 4000 > 198.51.100.7 53; type 0800"},
      {"eth0", kIn, In(Udp{.source_port = 53, .destination_port = 4000}),
       "wan eth0 in pass reply wan/m/dns; 17 198.51.100.7 53 > 203.0.113.11 4000; type 0800"},
      {"eth0", kOut, Out(Udp{.source_port = 4000, .destination_port = 123}), ""},
      {"eth0", kIn, In(Udp{.source_port = 123, .destination_port = 4000}), ""},
      {"eth0", kIn, In(Udp{.source_port = 124, .destination_port = 4000}),
       "wan eth0 in drop default; 17 198.51.100.7 124 > 203.0.113.11 4000; type 0800"},
      {"eth0", kIn,
       Ethernet{} / Ipv6{.source = "2001:db8:7::7", .destination = "2001:db8::11"} / Syn(23),
       "wan eth0 in drop default; 6 2001:db8:7::7 49152 > 2001:db8::11 23; type 86dd, flags 02"},
      {"eth0", kIn,
       Ethernet{} / Ipv4{.source = "203.0.113.11", .destination = "203.0.113.11"} / Syn(443),
       "wan eth0 in drop spoofed; 6 203.0.113.11 49152 > 203.0.113.11 443; type 0800, flags 02"},
      {"eth0", kIn, In(Icmp{.type = 8, .identifier = 77}),
       "wan eth0 in drop default; 1 198.51.100.7 77 > 203.0.113.11 2048; type 0800"},
      {"eth0", kIn, Ethernet{.ethertype = 0x88cc} / Zeros(50),
       "wan eth0 in drop ethertype; type 88cc"},
      {"eth0", kIn, Ethernet{.ethertype = 0x0806} / Zeros(50), ""},
      {"eth0", kIn,
       Ethernet{} / Vlan{.id = 5} / Ipv4{.source = "198.51.100.7", .destination = "203.0.113.11"} /
           Syn(443),
       "customer eth0 in drop default; 6 198.51.100.7 49152 > 203.0.113.11 443; type 0800, 1 tags "
       "5.0, flags 02"},
      {"eth0", kIn,
       Ethernet{} / Vlan{.id = 6} / Vlan{.id = 9} /
           Ipv4{.source = "198.51.100.7", .destination = "203.0.113.11"} / Syn(443),
       "- eth0 in drop vlan; type 0800, 2 tags 6.9"},
      {"eth2", kIn, In(Syn(443)), "- eth2 in drop vlan; type 0800"},
      {"eth0", kIn, Ethernet{} / Vlan{.id = 1} / Vlan{.id = 2} / Vlan{.id = 3} / Zeros(60),
       "- eth0 in drop malformed; type 0000, 2 tags 1.2"},
      {"eth0", kIn,
       Ethernet{} /
           Ipv4{.source = "198.51.100.7", .destination = "203.0.113.11", .total_length = 9} /
           Syn(443),
       "wan eth0 in drop malformed; type 0800"},
      {"eth0", kIn,
       Ethernet{} /
           Ipv4{.source = "198.51.100.7",
                .destination = "203.0.113.11",
                .identification = 9,
                .fragment_offset = 64,
                .protocol = 17} /
           Zeros(64),
       "wan eth0 in drop fragment; 17 198.51.100.7 0 > 203.0.113.11 0; type 0800, later fragment"},
      {"eth1", kIn, In(Syn(23)),
       "audited eth1 in pass audited default; 6 198.51.100.7 49152 > 203.0.113.11 23; type 0800, "
       "flags 02"},
      {"eth1", kIn, In(Syn(21)),
       "audited eth1 in pass audited rule audited/m/no-ftp; 6 198.51.100.7 49152 > 203.0.113.11 "
       "21; type 0800, flags 02"},
      {"eth1", kIn, In(Syn(8443)), ""},
      {"eth1", kOut, Out(Syn(23)),
       "audited eth1 out pass audited default; 6 203.0.113.11 49152 > 198.51.100.7 23; type 0800, "
       "flags 02"},
  };
  uint64_t packets = 0;
  for (const Told& row : rows) {
    const wire::Bytes frame = row.packet;
    SCOPED_TRACE(row.expected);
    const pm_report report = Send(row.device, row.direction, frame, kStart + packets);
    const auto events = Take();
    ASSERT_EQ(events.size(), *row.expected == '\0' ? 0u : 1u);
    if (events.empty()) continue;
    EXPECT_EQ(Text(events[0]), row.expected);
    EXPECT_EQ(events[0].time, kStart + packets);
    EXPECT_EQ(events[0].generation, 1u);
    EXPECT_EQ(events[0].verdict, report.verdict);
    EXPECT_EQ(events[0].length, frame.size());
    const size_t head = std::min<size_t>(frame.size(), PM_EVENT_HEAD_BYTES);
    ASSERT_EQ(events[0].head_bytes, head);
    EXPECT_TRUE(
        std::equal(frame.begin(), frame.begin() + static_cast<ptrdiff_t>(head), events[0].head));
    ++packets;
  }
  EXPECT_EQ(Totals().emitted, packets);
}

TEST_F(Events, LaterFragmentsOfARuleThatLogsAreTold) {
  ASSERT_TRUE(events_->Listen(UINT64_MAX, 1000).ok());
  const auto fragment = [](uint16_t port, uint16_t offset, bool more) -> Stack {
    const Ipv4 ip{.source = "198.51.100.7",
                  .destination = "203.0.113.11",
                  .identification = port,
                  .more_fragments = more,
                  .fragment_offset = offset,
                  .protocol = 17};
    return offset == 0 ? Ethernet{} / ip / Udp{.destination_port = port, .length = 200} / Zeros(64)
                       : Ethernet{} / ip / Zeros(64);
  };
  Send("eth0", kIn, fragment(8443, 0, true));
  Send("eth0", kIn, fragment(8443, 72, false));
  auto events = Take();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(Text(events[0]),
            "wan eth0 in pass rule wan/m/logged; 17 198.51.100.7 49152 > 203.0.113.11 8443; type "
            "0800, first fragment");
  EXPECT_EQ(Text(events[1]),
            "wan eth0 in pass rule wan/m/logged; 17 198.51.100.7 0 > 203.0.113.11 0; type 0800, "
            "later fragment");

  // After a change the first is judged again: it is what the new generation says.
  Node quiet = TestNode();
  for (Rule& rule : quiet.interfaces[0].rules) rule.log = false;
  Change(quiet);
  Send("eth0", kIn, fragment(8443, 72, false));
  EXPECT_TRUE(Take().empty());
  Change(TestNode());
  Send("eth0", kIn, fragment(8443, 72, false));
  events = Take();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].generation, 3u);
  EXPECT_EQ(events[0].fragment, PM_LATER);
}

TEST_F(Events, ConversationsLogByTheGenerationThatJudges) {
  ASSERT_TRUE(events_->Listen(UINT64_MAX, 1000).ok());
  const Stack ask = Out(Udp{.source_port = 4000, .destination_port = 53});
  const Stack answer = In(Udp{.source_port = 53, .destination_port = 4000});
  Send("eth0", kOut, ask);
  Send("eth0", kIn, answer);
  EXPECT_EQ(Take().size(), 2u);
  Node quiet = TestNode();
  for (Rule& rule : quiet.interfaces[0].rules) rule.log = false;
  Change(quiet);
  Send("eth0", kIn, answer);
  Send("eth0", kOut, ask);
  Send("eth0", kIn, answer);
  EXPECT_TRUE(Take().empty());
  Change(TestNode());
  Send("eth0", kIn, answer);
  EXPECT_EQ(Take().size(), 1u);
}

TEST_F(Events, SuperPacketsAreOneEventOfManyPackets) {
  ASSERT_TRUE(events_->Listen(UINT64_MAX, 1000).ok());
  Send("eth0", kOut, Out(Stack(Tcp{.destination_port = 23}) / Zeros(2000)), kStart,
       {.segment_bytes = 1000, .segments = 2, .wire_bytes = 2108});
  const auto events = Take();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].packets, 2u);
  EXPECT_EQ(events[0].bytes, 2108u);
  EXPECT_EQ(events[0].length, 2054u);
  EXPECT_EQ(events[0].head_bytes, PM_EVENT_HEAD_BYTES);
  EXPECT_EQ(Totals().emitted, 2u);
}

TEST_F(Events, HeadsAreReadWhereverBuffersPart) {
  ASSERT_TRUE(events_->Listen(UINT64_MAX, 1000).ok());
  const wire::Bytes frame = In(Stack(Tcp{.destination_port = 23}) / Zeros(3000));
  for (const uint32_t first : {14u, 60u, 127u, 128u, 129u}) {
    auto report = simulator_->Run(kIn, numbering_.devices.at("eth0"), frame, kStart,
                                  {.first_buffer_bytes = first});
    if (!report.ok()) GTEST_SKIP() << "this kernel parts no buffers";
    const auto events = Take();
    ASSERT_EQ(events.size(), 1u);
    EXPECT_TRUE(std::equal(frame.begin(), frame.begin() + PM_EVENT_HEAD_BYTES, events[0].head));
  }
}

}  // namespace
}  // namespace portmatrix
