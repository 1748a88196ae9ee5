// SPDX-License-Identifier: Apache-2.0
// Events: what the program tells of a packet, what it tells of none, and how exactly it counts what
// it keeps to itself. (That telling changes no verdict and no counter is differential_test's, which
// listens all the while.)
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/compile/compile.h"
#include "agent/datapath/event_ring.h"
#include "agent/datapath/kernel_datapath.h"
#include "agent/datapath/simulator.h"
#include "agent/policy/tuple.h"
#include "tests/kernel/pinned_node.h"
#include "tests/kernel/privilege.h"
#include "tests/support/node_builder.h"
#include "tests/support/packet_builder.h"

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

constexpr Direction kIn = Direction::kIn, kOut = Direction::kOut;
constexpr uint64_t kStart = 1000 * PM_SECOND;
constexpr uint32_t kRules = 64;

Interface With(Interface interface, const std::vector<std::string>& logging) {
  for (Rule& rule : interface.rules)
    rule.log = std::ranges::find(logging, rule.id) != logging.end();
  return interface;
}

// eth0: wan, untagged, and customer in VLAN 5; eth1: audited. Nothing is untagged on eth2.
Node TestNode() {
  const std::vector<std::string> local = {"203.0.113.11", "2001:db8::11"};
  Node node;
  node.name = "test";
  const std::vector<RuleRow> rules = {
      {.id = "web", .match = {.to = local, .protocols = {6}, .ports = {Port(443)}}},
      {.id = "logged", .match = {.to = local, .protocols = {6, 17}, .ports = {Port(8443)}}},
      {.id = "no-ftp",
       .match = {.to = local, .protocols = {6}, .ports = {Port(21)}},
       .action = Action::kDeny},
      {.id = "dns",
       .direction = kOut,
       .match = {.from = local, .protocols = {17}, .ports = {Port(53)}}},
      {.id = "ntp",
       .direction = kOut,
       .match = {.from = local, .protocols = {17}, .ports = {Port(123)}}}};
  node.interfaces.push_back(With(MakeInterface("wan", "eth0", local, rules), {"logged", "dns"}));
  Interface customer = MakeInterface("customer", "eth0", local, {});
  customer.vlan = {.kind = VlanSelector::Kind::kTags, .outer = 5};
  node.interfaces.push_back(customer);
  Interface audited = MakeInterface("audited", "eth1", local, rules);
  audited.mode = Mode::kAudit;
  node.interfaces.push_back(audited);
  Interface trunk = MakeInterface("trunk", "eth2", local, {});
  trunk.vlan = {.kind = VlanSelector::Kind::kTags, .outer = 7};
  node.interfaces.push_back(trunk);
  return node;
}

Stack In(const Stack& transport) {
  return Ethernet{} / Ipv4{.source = "198.51.100.7", .destination = "203.0.113.11"} / transport;
}
Stack Out(const Stack& transport) {
  return Ethernet{} / Ipv4{.source = "203.0.113.11", .destination = "198.51.100.7"} / transport;
}
Stack Syn(uint16_t port) { return Tcp{.destination_port = port, .flags = wire::kSyn}; }

class Events : public testing::Test {
 protected:
  void SetUp() override {
    NEEDS_KERNEL();
    auto simulator = Simulator::Load({.rules = kRules, .flows = 1024, .fragments = 256});
    ASSERT_TRUE(simulator.ok()) << simulator.error().Text();
    simulator_ = std::move(*simulator);
    auto events = simulator_->Events();
    ASSERT_TRUE(events.ok()) << events.error().Text();
    events_ = std::move(*events);
    Change(TestNode());
  }
  void Change(const Node& node) {
    std::string what;
    ASSERT_TRUE(NumberNode(node, {.rules = kRules}, &numbering_, &what)) << what;
    auto compiled = Compile(node, numbering_, ++generation_, &what);
    ASSERT_TRUE(compiled) << what;
    ASSERT_TRUE(simulator_->Change(compiled->image).ok());
  }
  pm_report Send(const std::string& device, Direction direction, const wire::Bytes& frame,
                 uint64_t time = kStart, const Carriage& carriage = {}) {
    auto report = simulator_->Run(direction, numbering_.devices.at(device), frame, time, carriage);
    EXPECT_TRUE(report.ok() && *report) << (report.ok() ? "not run" : report.error().Text());
    return report.ok() && *report ? **report : pm_report{};
  }
  std::vector<pm_event> Take() {
    auto events = events_->Take();
    EXPECT_TRUE(events.ok());
    return events.ok() ? *events : std::vector<pm_event>();
  }
  EventTotals Totals() { return *events_->Totals(); }
  uint64_t Suppressed(uint32_t source) { return events_->Suppressed({})->at(source); }

  uint32_t SourceOf(const std::string& interface, Direction direction, pm_reason reason) const {
    return (numbering_.interfaces.at(interface) * PM_DIRECTIONS +
            static_cast<uint32_t>(direction)) *
               PM_REASON_COUNT +
           reason;
  }
  uint32_t SourceOf(const std::string& rule, Direction direction) const {
    return PM_EVENT_SOURCES_OF_REASONS + numbering_.rules.at({rule, direction});
  }
  std::string Text(const pm_event& event) const {
    std::string owner, device, rule;
    for (const auto& [name, number] : numbering_.interfaces)
      if (number == event.owner) owner = name;
    for (const auto& [name, number] : numbering_.devices) {
      if (number == event.device) device = name;
      if (number + PM_MAX_INTERFACES == event.owner) owner = "-";
    }
    if (event.reason == PM_REASON_RULE || event.reason == PM_REASON_REPLY)
      for (const auto& [identity, slot] : numbering_.rules)
        if (slot == event.slot) rule = " " + identity.key;
    std::string text =
        fmt::format("{} {} {} {}{} {}{}", owner, device, event.direction == PM_IN ? "in" : "out",
                    event.verdict == PM_PASS ? "pass" : "drop", event.audited ? " audited" : "",
                    ReasonWord(static_cast<pm_reason>(event.reason)), rule);
    const pm_tuple& tuple = event.tuple;
    if (tuple.family != 0)
      text +=
          fmt::format("; {} {} {} > {} {}", tuple.protocol, ToString(TupleSource(tuple)),
                      tuple.source_port, ToString(TupleDestination(tuple)), tuple.destination_port);
    text += fmt::format("; type {:04x}", event.ethertype);
    if (event.tag_count != 0)
      text += fmt::format(", {} tags {}.{}", event.tag_count, event.outer, event.inner);
    if (event.tcp_flags != 0) text += fmt::format(", flags {:02x}", event.tcp_flags);
    if (event.fragment != PM_WHOLE)
      text += event.fragment == PM_FIRST ? ", first fragment" : ", later fragment";
    return text;
  }

  std::unique_ptr<Simulator> simulator_;
  std::unique_ptr<EventSource> events_;
  Numbering numbering_;
  uint64_t generation_ = 0;
};

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

TEST_F(Events, NothingIsToldBeforeOrAfterSomebodyListens) {
  Send("eth0", kIn, In(Syn(23)));
  ASSERT_TRUE(events_->Listen(kStart + 10, 1000).ok());
  Send("eth0", kIn, In(Syn(23)), kStart + 9);
  Send("eth0", kIn, In(Syn(23)), kStart + 10);
  EXPECT_EQ(Take().size(), 1u);
  const EventTotals totals = Totals();
  EXPECT_EQ(totals.emitted, 1u);
  EXPECT_EQ(totals.suppressed + totals.lost, 0u) << "what nobody wants to hear is not counted";
}

TEST_F(Events, BudgetIsExactForEachSourceAndEachSecond) {
  constexpr uint32_t kBudget = 7, kPackets = 50;
  ASSERT_TRUE(events_->Listen(UINT64_MAX, kBudget).ok());
  const auto flood = [&](uint64_t time, size_t sources) {
    std::map<uint32_t, uint64_t> by_reason;
    for (uint32_t i = 0; i < kPackets; ++i) {
      Send("eth0", kIn, In(Syn(23)), time);
      Send("eth0", kOut, Out(Syn(23)), time);
      Send("eth0", kIn, In(Syn(21)), time);
      Send("eth0", kIn, In(Syn(8443)), time);
      Send("eth1", kIn, In(Syn(23)), time);
      for (const pm_event& event : Take())
        ++by_reason[event.owner * 100u + event.direction * 10u +
                    (event.reason == PM_REASON_RULE ? event.slot + 10000 : 0)];
    }
    EXPECT_EQ(by_reason.size(), sources);
    for (const auto& [source, events] : by_reason) EXPECT_EQ(events, kBudget) << source;
  };
  flood(kStart, 5);
  flood(kStart + PM_EVENT_INTERVAL - 1, 0);  // the same second holds nothing more
  flood(kStart + PM_EVENT_INTERVAL, 5);
}

TEST_F(Events, WhatIsEmittedSuppressedAndLostIsWhatDropped) {
  constexpr uint32_t kBudget = 40, kRounds = 300;
  ASSERT_TRUE(events_->Listen(UINT64_MAX, kBudget).ok());
  uint64_t taken = 0;
  for (uint32_t i = 0; i < kRounds; ++i) {
    // Three seconds; the ring, of one page, is looked at so rarely that it overflows.
    const uint64_t time = kStart + i / 100 * PM_SECOND;
    Send("eth0", kIn, In(Syn(23)), time);
    Send("eth0", kIn, In(Syn(8443)), time);
    Send("eth0", kIn, In(Syn(443)), time);
    Send("eth1", kIn, In(Syn(23)), time);
    if (i % 50 == 49) taken += Take().size();
  }
  const EventTotals totals = Totals();
  EXPECT_EQ(totals.emitted, taken);
  EXPECT_GT(totals.lost, 0u);
  EXPECT_EQ(totals.emitted + totals.lost, 3u * 3 * kBudget);
  EXPECT_EQ(totals.emitted + totals.suppressed + totals.lost, 3u * kRounds);
  constexpr uint64_t kBeyond = kRounds - 3 * kBudget;
  EXPECT_EQ(Suppressed(SourceOf("wan", kIn, PM_REASON_DEFAULT)), kBeyond);
  EXPECT_EQ(Suppressed(SourceOf("audited", kIn, PM_REASON_DEFAULT)), kBeyond);
  EXPECT_EQ(Suppressed(SourceOf("wan/m/logged", kIn)), kBeyond);
  EXPECT_EQ(Suppressed(SourceOf("wan/m/web", kIn)), 0u);
  // And no counter knows of it.
  const auto reasons = simulator_->ReasonCounters();
  EXPECT_EQ((*reasons)[SourceOf("wan", kIn, PM_REASON_DEFAULT)].dropped_packets, kRounds);
  EXPECT_EQ((*reasons)[SourceOf("audited", kIn, PM_REASON_DEFAULT)].audited_packets, kRounds);
  const auto rules = simulator_->RuleCounters(kRules);
  EXPECT_EQ((*rules)[numbering_.rules.at({"wan/m/logged", kIn})].packets, kRounds);
}

// ---- Pins ----

class PinnedEvents : public PinnedNodeTest {
 protected:
  // What an older program left behind: pins without the maps of events, of a program that is not
  // ours and stands nowhere any more.
  void MakePinsOlder() {
    auto identity = BpfMap::OpenPinned("identity", pin_root_ + "/maps/identity", false);
    ASSERT_TRUE(identity.ok());
    auto named = identity->Lookup<uint32_t, pm_identity>(0);
    ASSERT_TRUE(named.ok() && *named);
    (*named)->program_fingerprint[0] ^= 1;
    ASSERT_TRUE(identity->Update(uint32_t{0}, **named).ok());
    ASSERT_TRUE(datapath_->Detach("lo").ok());
    datapath_.reset();
    program_ = FileDescriptor();
    for (const char* name :
         {"events", "event_settings", "event_budgets", "event_totals", "suppressed_events"})
      ASSERT_TRUE(std::filesystem::remove(pin_root_ + "/maps/" + name)) << name;
    for (const char* hook : {"xdp", "tc"})
      ASSERT_TRUE(std::filesystem::remove(pin_root_ + "/programs/" + hook));
  }
};

TEST_F(PinnedEvents, AnUpgradeMakesTheMapsThatOlderPinsLack) {
  ASSERT_NO_FATAL_FAILURE(Fill(1, NodeOf({7001})));
  Judge(1, 0, PM_CONTROL_SETTLED);
  EXPECT_TRUE(Passes(7001, 5));
  EXPECT_FALSE(Passes(7002, 3));
  ASSERT_NO_FATAL_FAILURE(MakePinsOlder());
  ASSERT_FALSE(EventRing::Open(pin_root_).ok());

  ASSERT_NO_FATAL_FAILURE(Open());
  ASSERT_TRUE(
      datapath_->Attach("lo", datapath_->ReadNumbering()->devices.at("lo"), XdpMode::kAny).ok());
  auto ring = EventRing::Open(pin_root_);
  ASSERT_TRUE(ring.ok()) << ring.error().Text();
  ASSERT_TRUE((*ring)->Listen(UINT64_MAX, 100).ok());
  EXPECT_FALSE(Passes(7002, 4));
  const auto events = (*ring)->Take();
  ASSERT_TRUE(events.ok());
  EXPECT_EQ(events->size(), 4u);
  const auto names = (*ring)->Names();
  ASSERT_TRUE(names.ok());
  for (const pm_event& event : *events) {
    EXPECT_EQ(event.reason, PM_REASON_DEFAULT);
    EXPECT_EQ(names->owners[event.owner], "ext");
    EXPECT_EQ(names->owners[PM_MAX_INTERFACES + event.device], "lo");
  }
  // Counters went on, and there is a budget for the last slot too.
  const auto counters = Counters();
  ASSERT_TRUE(counters.ok());
  EXPECT_EQ(Packets(*counters, "p7001"), 5u);
  EXPECT_EQ(Seen(*counters).total.packets, 12u);
  const auto suppressed = (*ring)->Suppressed({.rules = {{4095, {}}}});
  ASSERT_TRUE(suppressed.ok());
  EXPECT_EQ(suppressed->size(), PM_EVENT_SOURCES_OF_REASONS + 4096u);
}

TEST_F(PinnedEvents, AnAgentThatComesBackTakesUpTheRing) {
  ASSERT_NO_FATAL_FAILURE(Fill(1, NodeOf({7001})));
  Judge(1, 0, PM_CONTROL_SETTLED);
  auto ring = EventRing::Open(pin_root_);
  ASSERT_TRUE(ring.ok());
  ASSERT_TRUE((*ring)->Listen(UINT64_MAX, 100).ok());
  EXPECT_FALSE(Passes(7002, 2));
  EXPECT_TRUE((*ring)->IsCurrent());
  ring = EventRing::Open(pin_root_);  // the one before is gone with what it has not read
  ASSERT_NO_FATAL_FAILURE(Open());
  ASSERT_TRUE((*ring)->IsCurrent());
  EXPECT_EQ((*ring)->Take()->size(), 2u);
  EXPECT_EQ(ReadEventTotals(pin_root_)->emitted, 2u);
  ASSERT_TRUE(datapath_->Remove().ok());
  datapath_.reset();
  EXPECT_FALSE((*ring)->IsCurrent());
}

}  // namespace
}  // namespace portmatrix
