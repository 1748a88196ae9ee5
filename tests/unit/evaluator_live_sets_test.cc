// SPDX-License-Identifier: Apache-2.0
// What live sets mean: entries count from the packet after they came to the packet before they
// went, whoever opened the conversation and whatever was decided on a first fragment.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/policy/evaluator.h"
#include "tests/support/edge_node.h"
#include "tests/support/node_builder.h"

namespace portmatrix {
namespace {

using testing::IsEmpty;

constexpr Direction kIn = Direction::kIn;
constexpr Direction kOut = Direction::kOut;
constexpr uint64_t kMillisecond = 1'000'000;

Rule LiveRule(const std::string& id, Direction direction, Action action, LiveMask from,
              LiveMask to) {
  Rule rule = MakeRule("external", {.id = id, .direction = direction, .action = action});
  rule.match.from_live = from;
  rule.match.to_live = to;
  if (from != 0) rule.match.from = {};
  if (to != 0) rule.match.to = {};
  return rule;
}

// The edge node with `blocked` denied first in both directions, and `friends` admitted last.
Node NodeWithLiveSets() {
  Node node = EdgeNode();
  node.live_sets = {{"blocked", 100, {}}, {"friends", 100, {}}};
  std::vector<Rule>& rules = node.interfaces[0].rules;
  rules.insert(rules.begin(), {LiveRule("no-in", kIn, Action::kDeny, 1, 0),
                               LiveRule("no-out", kOut, Action::kDeny, 0, 1)});
  rules.push_back(LiveRule("friends-in", kIn, Action::kAllow, 2, 0));
  rules.push_back(LiveRule("friends-out", kOut, Action::kAllow, 0, 2));
  return node;
}

class LiveSetTest : public testing::TestWithParam<Family> {
 protected:
  static Step Opens(uint64_t milliseconds, const std::string& expected) {
    return {.milliseconds = milliseconds,
            .direction = kIn,
            .packet = In(GetParam(), TcpOf(5, 443, wire::kSyn)),
            .expected = expected};
  }
  static Step Asks(uint64_t milliseconds, uint16_t port, const std::string& expected) {
    return {.milliseconds = milliseconds,
            .direction = kOut,
            .packet = Out(GetParam(), UdpOf(5, port)),
            .expected = expected};
  }
  static Step Answers(uint64_t milliseconds, uint16_t port, const std::string& expected) {
    return {.milliseconds = milliseconds,
            .direction = kIn,
            .packet = In(GetParam(), UdpOf(port, 5)),
            .expected = expected};
  }
  std::vector<std::string> Told(const std::vector<Step>& steps) { return Tell(evaluator_, steps); }
  void Add(const std::string& set, uint64_t until = LiveContent::kForever) {
    evaluator_.live_content().Add(set, peer_, until);
  }
  void Remove(const std::string& set) { evaluator_.live_content().Remove(set, peer_); }

  const Prefix peer_ = GetParam() == Family::kIpv4 ? Prefix{*ParseAddress("198.51.0.0"), 16}
                                                   : Prefix{*ParseAddress("2001:db8:7::"), 48};
  Node node_ = NodeWithLiveSets();
  Evaluator evaluator_{node_};
};

TEST_P(LiveSetTest, EntryCountsFromTheNextPacketToTheLast) {
  EXPECT_THAT(Told({Opens(0, "pass rule web")}), IsEmpty());
  Add("blocked");
  EXPECT_THAT(Told({Opens(1, "drop rule no-in")}), IsEmpty());
  Remove("blocked");
  EXPECT_THAT(Told({Opens(2, "pass rule web")}), IsEmpty());
}

TEST_P(LiveSetTest, EntryEndsWithItsTime) {
  Add("blocked", kStoryBeginning + 10 * kMillisecond);
  EXPECT_THAT(Told({Opens(9, "drop rule no-in"), Opens(10, "pass rule web")}), IsEmpty());
}

TEST_P(LiveSetTest, EntryThatComesEndsTheConversationThatItDenies) {
  EXPECT_THAT(Told({Asks(0, 53, "pass rule dns-out"), Answers(1, 53, "pass reply dns-out")}),
              IsEmpty());
  Add("blocked");
  EXPECT_THAT(Told({Answers(2, 53, "drop rule no-in"), Asks(3, 53, "drop rule no-out")}),
              IsEmpty());
  Remove("blocked");
  // It was met meanwhile and is over until the host asks again.
  EXPECT_THAT(Told({Answers(4, 53, "drop default"), Asks(5, 53, "pass rule dns-out"),
                    Answers(6, 53, "pass reply dns-out")}),
              IsEmpty());
}

TEST_P(LiveSetTest, EntryThatGoesEndsTheConversationThatItAllowed) {
  Add("friends");
  RuleOf(node_, "external", "friends-in").state = RuleState::kDisabled;
  evaluator_.Change(node_);
  EXPECT_THAT(Told({Asks(0, 7, "pass rule friends-out"), Answers(1, 7, "pass reply friends-out")}),
              IsEmpty());
  Remove("friends");
  EXPECT_THAT(Told({Answers(2, 7, "drop default")}), IsEmpty());
  EXPECT_EQ(evaluator_.conversations(), 0u);
}

TEST_P(LiveSetTest, ConversationEndsWithTheTimeOfTheEntryThatAllowedIt) {
  Add("friends", kStoryBeginning + 10 * kMillisecond);
  RuleOf(node_, "external", "friends-in").state = RuleState::kDisabled;
  evaluator_.Change(node_);
  EXPECT_THAT(Told({Asks(0, 7, "pass rule friends-out"), Answers(9, 7, "pass reply friends-out"),
                    Answers(10, 7, "drop default")}),
              IsEmpty());
}

TEST_P(LiveSetTest, ContentStaysWhenSetsChangeTheirOrder) {
  Add("blocked");
  Node next = node_;
  std::swap(next.live_sets[0], next.live_sets[1]);
  for (Rule& rule : next.interfaces[0].rules) {
    if (rule.match.from_live != 0) rule.match.from_live ^= 3;
    if (rule.match.to_live != 0) rule.match.to_live ^= 3;
  }
  evaluator_.Change(next);
  EXPECT_THAT(Told({Opens(1, "drop rule no-in")}), IsEmpty());
  evaluator_.Change(node_);
}

TEST_P(LiveSetTest, ExpectationsFindThemEmpty) {
  Add("blocked");
  pm_packet packet = {};
  packet.opening = 1;
  packet.tuple.family = static_cast<uint8_t>(GetParam());
  packet.tuple.protocol = 6;
  packet.tuple.destination_port = 443;
  std::copy(peer_.address.bytes.begin(), peer_.address.bytes.end(), packet.tuple.source);
  const Prefix local = node_.interfaces[0].local.prefixes()[GetParam() == Family::kIpv4 ? 0 : 1];
  std::copy(local.address.bytes.begin(), local.address.bytes.end(), packet.tuple.destination);
  EXPECT_EQ(evaluator_.JudgeOpening(0, kIn, packet).verdict, Verdict::kPass);
}

INSTANTIATE_TEST_SUITE_P(Both, LiveSetTest, testing::Values(Family::kIpv4, Family::kIpv6),
                         [](const auto& family) {
                           return family.param == Family::kIpv4 ? "OverIpv4" : "OverIpv6";
                         });

}  // namespace
}  // namespace portmatrix
