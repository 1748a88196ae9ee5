// SPDX-License-Identifier: Apache-2.0
// A small node whose program is asked for the events of single packets.
#ifndef PORTMATRIX_TESTS_KERNEL_EVENT_WORLD_H_
#define PORTMATRIX_TESTS_KERNEL_EVENT_WORLD_H_

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "agent/compile/compile.h"
#include "agent/datapath/event_source.h"
#include "agent/datapath/simulator.h"
#include "agent/policy/tuple.h"
#include "tests/kernel/privilege.h"
#include "tests/support/node_builder.h"
#include "tests/support/packet_builder.h"

namespace portmatrix {

inline constexpr Direction kIn = Direction::kIn, kOut = Direction::kOut;
inline constexpr uint64_t kStart = 1000 * PM_SECOND;
inline constexpr uint32_t kRules = 64;

inline Interface With(Interface interface, const std::vector<std::string>& logging) {
  for (Rule& rule : interface.rules)
    rule.log = std::ranges::find(logging, rule.id()) != logging.end();
  return interface;
}

// eth0: wan, untagged, and customer in VLAN 5; eth1: audited. Nothing is untagged on eth2.
inline Node TestNode() {
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

inline wire::Stack In(const wire::Stack& transport) {
  return wire::Ethernet{} / wire::Ipv4{.source = "198.51.100.7", .destination = "203.0.113.11"} /
         transport;
}
inline wire::Stack Out(const wire::Stack& transport) {
  return wire::Ethernet{} / wire::Ipv4{.source = "203.0.113.11", .destination = "198.51.100.7"} /
         transport;
}
inline wire::Stack Syn(uint16_t port) {
  return wire::Tcp{.destination_port = port, .flags = wire::kSyn};
}

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

}  // namespace portmatrix

#endif  // PORTMATRIX_TESTS_KERNEL_EVENT_WORLD_H_
