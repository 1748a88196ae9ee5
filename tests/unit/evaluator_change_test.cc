// SPDX-License-Identifier: Apache-2.0
// A change of generation: what it does to conversations and fragments that began before it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "agent/policy/evaluator.h"
#include "tests/support/edge_node.h"
#include "tests/support/node_builder.h"

namespace portmatrix {
namespace {

using testing::IsEmpty;
using wire::Stack;
using wire::Zeros;

constexpr Direction kIn = Direction::kIn;
constexpr Direction kOut = Direction::kOut;

class ChangeTest : public testing::TestWithParam<Family> {
 protected:
  static Step Query(uint64_t milliseconds, const std::string& expected) {
    return {.milliseconds = milliseconds,
            .direction = kOut,
            .packet = Out(GetParam(), UdpOf(5, 53)),
            .expected = expected};
  }
  static Step Answer(uint64_t milliseconds, const std::string& expected) {
    return {.milliseconds = milliseconds,
            .direction = kIn,
            .packet = In(GetParam(), UdpOf(53, 5)),
            .expected = expected};
  }
  std::vector<std::string> Told(const std::vector<Step>& steps) { return Tell(evaluator_, steps); }
  // Each node stays, because the rules of its judgements are looked at later.
  void Change(const Node& node) {
    nodes_.push_back(std::make_unique<Node>(node));
    evaluator_.Change(*nodes_.back());
  }

  const Node original_ = EdgeNode();
  std::vector<std::unique_ptr<Node>> nodes_;
  Evaluator evaluator_{original_};
};

TEST_P(ChangeTest, SameRulesKeepTheConversation) {
  EXPECT_THAT(Told({Query(0, "pass rule dns-out")}), IsEmpty());
  Change(original_);
  EXPECT_THAT(Told({Answer(1, "pass reply dns-out"), Answer(2, "pass reply dns-out")}), IsEmpty());
}

TEST_P(ChangeTest, RuleTakenAwayEndsItsConversationWithTheNextPacket) {
  EXPECT_THAT(Told({Query(0, "pass rule dns-out"), Answer(1, "pass reply dns-out")}), IsEmpty());
  Node node = original_;
  RemoveRule(node, "external", "dns-out");
  Change(node);
  EXPECT_THAT(Told({Answer(2, "drop default")}), IsEmpty());
  EXPECT_EQ(evaluator_.conversations(), 0u);
  // Met and ended, it does not come back with its rule.
  Change(original_);
  EXPECT_THAT(Told({Answer(3, "drop default")}), IsEmpty());
}

TEST_P(ChangeTest, RuleSwitchedOffEndsItsConversation) {
  EXPECT_THAT(Told({Query(0, "pass rule dns-out")}), IsEmpty());
  Node node = original_;
  RuleOf(node, "external", "dns-out").state = RuleState::kExpired;
  Change(node);
  EXPECT_THAT(Told({Answer(1, "drop default"), Query(2, "drop default")}), IsEmpty());
}

TEST_P(ChangeTest, DenyInFrontEndsTheConversation) {
  EXPECT_THAT(Told({Query(0, "pass rule dns-out")}), IsEmpty());
  Node node = original_;
  auto& rules = node.interfaces[0].rules;
  rules.insert(rules.begin(), MakeRule("external", {.id = "quiet",
                                                    .direction = kOut,
                                                    .match = {.protocols = {17}},
                                                    .action = Action::kDeny}));
  Change(node);
  EXPECT_THAT(Told({Answer(1, "drop default"), Query(2, "drop rule quiet")}), IsEmpty());
}

TEST_P(ChangeTest, ConversationThatNobodyMetOutlivesItsRulesAbsence) {
  EXPECT_THAT(Told({Query(0, "pass rule dns-out")}), IsEmpty());
  Node node = original_;
  RemoveRule(node, "external", "dns-out");
  Change(node);
  Change(original_);
  EXPECT_THAT(Told({Answer(1, "pass reply dns-out")}), IsEmpty());
}

TEST_P(ChangeTest, AnotherRuleTakesTheConversationOver) {
  EXPECT_THAT(Told({Query(0, "pass rule dns-out")}), IsEmpty());
  Node node = original_;
  auto& rules = node.interfaces[0].rules;
  rules.insert(
      rules.begin(),
      MakeRule("external", {.id = "udp-out", .direction = kOut, .match = {.protocols = {17}}}));
  Change(node);
  EXPECT_THAT(Told({Answer(1, "pass reply udp-out")}), IsEmpty());
  RemoveRule(node, "external", "udp-out");
  Change(node);
  EXPECT_THAT(Told({Answer(2, "pass reply dns-out")}), IsEmpty());
}

TEST_P(ChangeTest, InRuleThatAllowsTheAnswersTakesThem) {
  EXPECT_THAT(Told({Query(0, "pass rule dns-out")}), IsEmpty());
  Node node = original_;
  node.interfaces[0].rules.push_back(
      MakeRule("external", {.id = "udp-in", .match = {.protocols = {17}}}));
  Change(node);
  EXPECT_THAT(Told({Answer(1, "pass rule udp-in"), Query(Seconds(20), "pass rule dns-out")}),
              IsEmpty());
  // The query did not refresh, because its answers needed no conversation.
  Change(original_);
  EXPECT_THAT(Told({Answer(Seconds(30), "drop default")}), IsEmpty());
}

TEST_P(ChangeTest, ConversationThatInRulesAdmittedWaitsForItsNextOutPacket) {
  Node open = original_;
  open.interfaces[0].rules.push_back(
      MakeRule("external", {.id = "udp-in", .match = {.protocols = {17}}}));
  Change(open);
  EXPECT_THAT(Told({Query(0, "pass rule dns-out"), Answer(1, "pass rule udp-in")}), IsEmpty());
  Change(original_);
  EXPECT_THAT(Told({Answer(2, "drop default"), Query(3, "pass rule dns-out"),
                    Answer(4, "pass reply dns-out")}),
              IsEmpty());
}

TEST_P(ChangeTest, TimesGoOnAcrossTheChange) {
  EXPECT_THAT(Told({Query(0, "pass rule dns-out"), Answer(1, "pass reply dns-out")}), IsEmpty());
  Change(original_);
  EXPECT_THAT(
      Told({Answer(Seconds(180) - 1, "pass reply dns-out"), Answer(Seconds(180), "drop default")}),
      IsEmpty());
}

TEST_P(ChangeTest, ErrorsAreJudgedByTheNewRulesToo) {
  const auto error = [](Family family, uint64_t milliseconds, const std::string& expected) {
    return Step{.milliseconds = milliseconds,
                .packet = ErrorIn(family, UdpOf(5, 53)),
                .expected = expected};
  };
  EXPECT_THAT(Told({Query(0, "pass rule dns-out"), error(GetParam(), 1, "pass reply dns-out")}),
              IsEmpty());
  Node node = original_;
  RemoveRule(node, "external", "dns-out");
  Change(node);
  EXPECT_THAT(Told({error(GetParam(), 2, "drop default")}), IsEmpty());
}

TEST_P(ChangeTest, RstOfTheHostEndsAConversationThatInRulesHaveComeToAdmit) {
  const auto out = [](uint64_t milliseconds, uint8_t flags) {
    return Step{.milliseconds = milliseconds,
                .direction = kOut,
                .packet = Out(GetParam(), TcpOf(5, 443, flags)),
                .expected = "pass rule https-out"};
  };
  EXPECT_THAT(Told({out(0, wire::kAck)}), IsEmpty());
  Node open = original_;
  open.interfaces[0].rules.push_back(
      MakeRule("external", {.id = "tcp-in", .match = {.protocols = {6}}}));
  Change(open);
  EXPECT_THAT(Told({out(1000, wire::kRst)}), IsEmpty());
  Change(original_);
  EXPECT_THAT(Told({{.milliseconds = Seconds(11),
                     .packet = In(GetParam(), TcpOf(443, 5, wire::kAck)),
                     .expected = "drop default"}}),
              IsEmpty());
}

TEST_P(ChangeTest, InterfacesKeepTheirIdentityByName) {
  EXPECT_THAT(Told({Query(0, "pass rule dns-out")}), IsEmpty());
  Node node = original_;
  node.interfaces.insert(node.interfaces.begin(),
                         MakeInterface("internal", "eth1", {"10.0.0.0/8"}, {}));
  Change(node);
  EXPECT_THAT(Told({Answer(1, "pass reply dns-out")}), IsEmpty());
  Node renamed = original_;
  renamed.interfaces[0].name = "outside";
  Change(renamed);
  EXPECT_THAT(Told({Answer(2, "drop default")}), IsEmpty());
}

TEST_P(ChangeTest, DeviceThatIsNoLongerBoundPasses) {
  Node node = original_;
  node.interfaces[0].devices = {"eth7"};
  Change(node);
  EXPECT_THAT(Told({Answer(0, "pass unbound on device")}), IsEmpty());
}

TEST_P(ChangeTest, RulesOfJudgementsAreTheNewNodes) {
  EXPECT_THAT(Told({Query(0, "pass rule dns-out")}), IsEmpty());
  Change(original_);
  const wire::Bytes answer = Answer(0, "").packet;
  const Judgement judgement = evaluator_.Judge(
      {.device = "eth0", .direction = kIn, .data = answer, .time = 100'001 * PM_SECOND});
  EXPECT_EQ(judgement.rule, &RuleOf(*nodes_.back(), "external", "dns-out"));
}

// Fragments: the first stands before the change, later ones behind.
class FragmentChangeTest : public ChangeTest {
 protected:
  static Stack Fragment(Direction direction, uint16_t offset, const Stack& content) {
    const wire::Ip source = direction == kIn ? PeerAddress(GetParam()) : HostAddress(GetParam());
    const wire::Ip destination =
        direction == kIn ? HostAddress(GetParam()) : PeerAddress(GetParam());
    if (GetParam() == Family::kIpv4) {
      return wire::Ethernet{} /
             wire::Ipv4{.source = source,
                        .destination = destination,
                        .more_fragments = offset == 0,
                        .fragment_offset = offset} /
             content;
    }
    return wire::Ethernet{} / wire::Ipv6{.source = source, .destination = destination} /
           wire::FragmentHeader{.offset = offset, .more = offset == 0} / content;
  }
  static Step First(Direction direction, const Stack& transport, const std::string& expected) {
    return {
        .direction = direction, .packet = Fragment(direction, 0, transport), .expected = expected};
  }
  static Step Later(uint64_t milliseconds, Direction direction, const std::string& expected) {
    return {.milliseconds = milliseconds,
            .direction = direction,
            .packet = Fragment(direction, 8, Zeros(8, protocol::kUdp)),
            .expected = expected};
  }
};

TEST_P(FragmentChangeTest, FirstIsJudgedAgain) {
  EXPECT_THAT(Told({First(kIn, UdpOf(5, 50000), "pass rule media-in"),
                    Later(1, kIn, "pass rule media-in")}),
              IsEmpty());
  Node node = original_;
  RemoveRule(node, "external", "media-in");
  Change(node);
  EXPECT_THAT(Told({Later(2, kIn, "drop default")}), IsEmpty());
  Change(original_);
  EXPECT_THAT(Told({Later(3, kIn, "pass rule media-in")}), IsEmpty());
}

TEST_P(FragmentChangeTest, FirstKeepsItsTime) {
  EXPECT_THAT(Told({First(kIn, UdpOf(5, 50000), "pass rule media-in")}), IsEmpty());
  Change(original_);
  EXPECT_THAT(Told({Later(Seconds(29), kIn, "pass rule media-in"),
                    Later(Seconds(30), kIn, "drop fragment")}),
              IsEmpty());
}

TEST_P(FragmentChangeTest, FirstJudgedAgainMakesNoConversation) {
  Node node = original_;
  RemoveRule(node, "external", "dns-out");
  Change(node);
  EXPECT_THAT(Told({First(kOut, UdpOf(5, 53), "drop default")}), IsEmpty());
  Change(original_);
  EXPECT_THAT(Told({Later(1, kOut, "pass rule dns-out"), Answer(2, "drop default")}), IsEmpty());
  EXPECT_EQ(evaluator_.conversations(), 0u);
}

TEST_P(FragmentChangeTest, FirstJudgedAgainAnswersNothing) {
  EXPECT_THAT(Told({Query(0, "pass rule dns-out")}), IsEmpty());
  Node open = original_;
  open.interfaces[0].rules.push_back(
      MakeRule("external", {.id = "udp-in", .match = {.protocols = {17}}}));
  Change(open);
  EXPECT_THAT(Told({First(kIn, UdpOf(53, 5), "pass rule udp-in")}), IsEmpty());
  Change(original_);
  // A reply would have made it 180 seconds.
  EXPECT_THAT(Told({Later(1, kIn, "pass reply dns-out"), Answer(Seconds(30), "drop default")}),
              IsEmpty());
}

TEST_P(FragmentChangeTest, OutcomeOfAGenerationIsKept) {
  const auto in = [](uint64_t milliseconds, const Stack& frame, const std::string& expected) {
    return Step{.milliseconds = milliseconds, .packet = frame, .expected = expected};
  };
  const Stack first = Fragment(kIn, 0, TcpOf(443, 5, wire::kAck) / Zeros(4));
  const Stack later = Fragment(kIn, 24, Zeros(8, protocol::kTcp));
  EXPECT_THAT(Told({{.direction = kOut,
                     .packet = Out(GetParam(), TcpOf(5, 443, wire::kAck)),
                     .expected = "pass rule https-out"},
                    in(0, first, "pass reply https-out"),
                    in(0, In(GetParam(), TcpOf(443, 5, wire::kRst)), "pass reply https-out")}),
              IsEmpty());
  Change(original_);
  // The conversation ends after ten seconds; what was decided while it lived stands.
  EXPECT_THAT(Told({in(Seconds(9), later, "pass reply https-out"),
                    in(Seconds(11), later, "pass reply https-out")}),
              IsEmpty());
  Change(original_);
  EXPECT_THAT(Told({in(Seconds(11), later, "drop default")}), IsEmpty());
}

const auto kFamilies = testing::Values(Family::kIpv4, Family::kIpv6);
const auto kFamilyName = [](const auto& instance) {
  return instance.param == Family::kIpv4 ? "Ipv4" : "Ipv6";
};
INSTANTIATE_TEST_SUITE_P(Families, ChangeTest, kFamilies, kFamilyName);
INSTANTIATE_TEST_SUITE_P(Families, FragmentChangeTest, kFamilies, kFamilyName);

}  // namespace
}  // namespace portmatrix
