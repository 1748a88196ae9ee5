// SPDX-License-Identifier: Apache-2.0
// Steps 3, 4 and 7 of judging, packet by packet: spoofed sources, failsafe entries, rules, default,
// audit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/policy/evaluator.h"
#include "tests/support/edge_node.h"
#include "tests/support/node_builder.h"

namespace portmatrix {
namespace {

using wire::Ethernet;
using wire::Ipv4;
using wire::Stack;
using wire::Tcp;
using wire::Udp;
using wire::Zeros;

constexpr Direction kIn = Direction::kIn;
constexpr Direction kOut = Direction::kOut;

std::vector<Story> SpoofedStories() {
  const auto from = [](const wire::Ip& source) {
    return FrameBetween(source, source.family == Family::kIpv4 ? wire::Ip("203.0.113.11")
                                                               : wire::Ip("2001:db8::11")) /
           Tcp{.destination_port = 443, .flags = wire::kSyn};
  };
  const char* web = "pass rule web";
  const char* spoofed = "drop spoofed";
  return {
      OnePacket("FirstLocalAddress", kIn, from("203.0.113.0"), spoofed),
      OnePacket("LastLocalAddress", kIn, from("203.0.113.15"), spoofed),
      OnePacket("BeforeLocal", kIn, from("203.0.112.255"), web),
      OnePacket("BehindLocal", kIn, from("203.0.113.16"), web),
      OnePacket("LocalIpv6", kIn, from("2001:db8::1"), spoofed),
      OnePacket("BehindLocalIpv6", kIn, from("2001:db8:0:1::"), web),
      OnePacket("FirstLoopback", kIn, from("127.0.0.0"), spoofed),
      OnePacket("LastLoopback", kIn, from("127.255.255.255"), spoofed),
      OnePacket("BehindLoopback", kIn, from("128.0.0.0"), web),
      OnePacket("LoopbackIpv6", kIn, from("::1"), spoofed),
      OnePacket("BehindLoopbackIpv6", kIn, from("::2"), web),
      OnePacket("UnspecifiedIsNotSpoofed", kIn, from("::"), web),
      OnePacket("ZeroIsNotSpoofed", kIn, from("0.0.0.0"), web),
      OnePacket("FirstMulticast", kIn, from("224.0.0.0"), spoofed),
      OnePacket("LastMulticast", kIn, from("239.255.255.255"), spoofed),
      OnePacket("BeforeMulticast", kIn, from("223.255.255.255"), web),
      OnePacket("ReservedIsNotSpoofed", kIn, from("240.0.0.0"), web),
      OnePacket("LimitedBroadcast", kIn, from("255.255.255.255"), spoofed),
      OnePacket("BeforeLimitedBroadcast", kIn, from("255.255.255.254"), web),
      OnePacket("MulticastIpv6", kIn, from("ff00::"), spoofed),
      OnePacket("BeforeMulticastIpv6", kIn, from("feff:ffff::"), web),
      OnePacket("SourceIsDestination", kIn,
                FrameBetween("198.51.100.7", "198.51.100.7") / Tcp{.destination_port = 443},
                spoofed),
      OnePacket("SentPacketsAreNeverSpoofed", kOut,
                FrameBetween("127.0.0.1", "198.51.100.7") / Tcp{.destination_port = 443},
                "drop default"),
      OnePacket("SpoofedComesBeforeDeny", kIn,
                FrameBetween("203.0.113.1", "203.0.113.11") / Tcp{.destination_port = 23}, spoofed),
  };
}

class RulesTest : public testing::TestWithParam<Story> {};

TEST_P(RulesTest, IsJudged) { EXPECT_THAT(Tell(EdgeNode(), GetParam().steps), testing::IsEmpty()); }

const auto kName = [](const auto& instance) { return instance.param.name; };
INSTANTIATE_TEST_SUITE_P(Spoofed, RulesTest, testing::ValuesIn(SpoofedStories()), kName);

std::vector<Story> RuleStories(Family family) {
  const auto from_admin = [family](const Stack& transport) {
    return FrameBetween(AdminAddress(family), HostAddress(family)) / transport;
  };
  const auto to_admin = [family](const Stack& transport) {
    return FrameBetween(HostAddress(family), AdminAddress(family)) / transport;
  };
  const auto tcp = [](uint16_t port, uint8_t flags) {
    return Tcp{.destination_port = port, .flags = flags};
  };
  return {
      OnePacket("AllowPasses", kIn, In(family, tcp(443, wire::kSyn)), "pass rule web"),
      OnePacket("AllowPassesWhateverTheFlags", kIn, In(family, tcp(443, 0)), "pass rule web"),
      OnePacket("NextPortDrops", kIn, In(family, tcp(444, wire::kSyn)), "drop default"),
      OnePacket("OtherProtocolDrops", kIn, In(family, Udp{.destination_port = 443}),
                "drop default"),
      OnePacket("RangeKeepsItsFirstPort", kIn, In(family, Udp{.destination_port = 50000}),
                "pass rule media-in"),
      OnePacket("RangeKeepsItsLastPort", kIn, In(family, Udp{.destination_port = 59999}),
                "pass rule media-in"),
      OnePacket("RangeEnds", kIn, In(family, Udp{.destination_port = 60000}), "drop default"),
      OnePacket("DenyDrops", kIn, In(family, tcp(23, wire::kSyn)), "drop rule no-telnet"),
      OnePacket("DenyOutDrops", kOut, Out(family, tcp(25, wire::kSyn)), "drop rule no-smtp"),
      OnePacket("OutRulesJudgeOut", kOut, Out(family, tcp(443, wire::kSyn)), "pass rule https-out"),
      OnePacket("OutRulesDoNotJudgeIn", kIn, In(family, Udp{.destination_port = 53}),
                "drop default"),
      OnePacket("InRulesDoNotOpenOut", kOut, Out(family, Zeros(8, 48)), "drop default"),
      OnePacket("EchoRequestIn", kIn, In(family, EchoRequest(family, 1)), "pass rule ping-in"),
      OnePacket("OtherProtocol", kIn, In(family, Zeros(8, 47)), "pass rule gre-in"),
      OnePacket("FailsafePasses", kIn, from_admin(tcp(22, wire::kSyn)), "pass failsafe"),
      OnePacket("FailsafePassesWhateverTheFlags", kIn, from_admin(tcp(22, 0)), "pass failsafe"),
      OnePacket("FailsafeIsForItsPeersOnly", kIn, In(family, tcp(22, wire::kSyn)), "drop default"),
      OnePacket("FailsafeIsForItsPortsOnly", kIn, from_admin(tcp(21, wire::kSyn)), "drop default"),
      OnePacket("FailsafeIsForAnyDestination", kIn,
                FrameBetween(AdminAddress(family), RouterAddress(family)) / tcp(22, wire::kSyn),
                "pass failsafe"),
      OnePacket(
          "FailsafeAnswersPass", kOut,
          to_admin(Tcp{.source_port = 22, .destination_port = 5, .flags = wire::kSyn | wire::kAck}),
          "pass failsafe"),
      OnePacket("FailsafeOpensNothing", kOut,
                to_admin(Tcp{.source_port = 22, .destination_port = 5, .flags = wire::kSyn}),
                "drop default"),
      OnePacket("FailsafeAnswersComeBeforeOutRules", kOut,
                to_admin(Tcp{.source_port = 22, .destination_port = 25, .flags = wire::kAck}),
                "pass failsafe"),
      OnePacket("OpeningFromAFailsafePortIsForTheRules", kOut,
                to_admin(Tcp{.source_port = 22, .destination_port = 443, .flags = wire::kSyn}),
                "pass rule https-out"),
  };
}

INSTANTIATE_TEST_SUITE_P(Rules, RulesTest, testing::ValuesIn(InBothFamilies(RuleStories)), kName);

TEST(Rules, FailsafeComesBeforeDenyRules) {
  Node node = EdgeNode();
  auto& rules = node.interfaces[0].rules;
  rules.insert(rules.begin(),
               MakeRule("external", {.id = "nothing", .direction = kIn, .action = Action::kDeny}));
  const Tcp ssh = {.destination_port = 22, .flags = wire::kSyn};
  EXPECT_THAT(Tell(node, {{.packet = FrameBetween("192.0.2.15", "203.0.113.11") / ssh,
                           .expected = "pass failsafe"},
                          {.packet = FrameBetween("192.0.2.16", "203.0.113.11") / ssh,
                           .expected = "drop rule nothing"},
                          {.packet = FrameBetween("203.0.113.1", "203.0.113.11") / ssh,
                           .expected = "drop spoofed"}}),
              testing::IsEmpty());
}

TEST(Rules, FirstMatchWinsAmongActiveRules) {
  for (const RuleState state : {RuleState::kDisabled, RuleState::kExpired, RuleState::kInactive}) {
    Node node;
    node.interfaces = {MakeInterface(
        "external", "eth0", {"203.0.113.0/28"},
        {{.id = "asleep", .action = Action::kDeny, .state = state},
         {.id = "narrow", .match = {.from = {"198.51.100.7"}}, .action = Action::kDeny},
         {.id = "wide", .match = {.from = {"198.51.100.0/24"}}},
         {.id = "last", .action = Action::kDeny}})};
    const auto from = [](const char* source) {
      return FrameBetween(source, "203.0.113.1") / Zeros(8, 99);
    };
    EXPECT_THAT(Tell(node, {{.packet = from("198.51.100.7"), .expected = "drop rule narrow"},
                            {.packet = from("198.51.100.8"), .expected = "pass rule wide"},
                            {.packet = from("198.51.101.8"), .expected = "drop rule last"}}),
                testing::IsEmpty());
  }
}

TEST(Rules, DefaultPassLetsThroughWhatNoRuleDenies) {
  Node node = EdgeNode();
  node.interfaces[0].default_verdict = Verdict::kPass;
  EXPECT_THAT(Tell(node, {{.packet = In(Family::kIpv4, Tcp{.destination_port = 444}),
                           .expected = "pass default"},
                          {.packet = In(Family::kIpv4, Tcp{.destination_port = 23}),
                           .expected = "drop rule no-telnet"},
                          {.packet = FrameBetween("203.0.113.1", "203.0.113.11") / Tcp{},
                           .expected = "drop spoofed"},
                          {.direction = kOut,
                           .packet = Out(Family::kIpv4, Tcp{.destination_port = 444}),
                           .expected = "pass default"}}),
              testing::IsEmpty());
}

TEST(Rules, AuditPassesAndSaysWhatWouldHaveDropped) {
  Node node = EdgeNode();
  node.interfaces[0].mode = Mode::kAudit;
  EXPECT_THAT(
      Tell(node,
           {{.packet = In(Family::kIpv4, Tcp{.destination_port = 444}),
             .expected = "pass default audited"},
            {.packet = In(Family::kIpv4, Tcp{.destination_port = 23}),
             .expected = "pass rule no-telnet audited"},
            {.packet = FrameBetween("203.0.113.1", "203.0.113.11") / Tcp{},
             .expected = "pass spoofed audited"},
            {.packet = Ethernet{} / Ipv4{.source = "198.51.100.7", .fragment_offset = 8} / Zeros(8),
             .expected = "pass fragment audited"},
            {.packet = In(Family::kIpv4, Tcp{.destination_port = 443}),
             .expected = "pass rule web"}}),
      testing::IsEmpty());
}

}  // namespace
}  // namespace portmatrix
