// SPDX-License-Identifier: Apache-2.0
// Conversations in the kernel program, with a given clock and beside the reference evaluator: how
// long each lives, what a change of rules does to them, and a table that is full.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/kernel/privilege.h"
#include "tests/kernel/three_judges.h"
#include "tests/support/edge_node.h"
#include "tests/support/judgement_text.h"
#include "tests/support/node_builder.h"
#include "tests/support/timeout_stories.h"

namespace portmatrix {
namespace {

using wire::Bytes;
using wire::Stack;

constexpr uint64_t kMillisecond = PM_SECOND / 1000;
// Longer than anything lives.
constexpr uint64_t kApart = 86'400 * PM_SECOND;

// Judges that take part in one story after the other, each a day later.
class Court {
 public:
  explicit Court(const Node& node, uint32_t flows = 65536) {
    auto judges = ThreeJudges::Make(node, flows);
    if (judges) {
      judges_ = std::move(*judges);
    } else {
      ADD_FAILURE() << judges.error().Text();
    }
  }

  bool ready() const { return judges_ != nullptr; }
  ThreeJudges& judges() { return *judges_; }
  void NextDay() { day_ += kApart; }
  void Change(const Node& node) {
    const auto changed = judges_->Change(node);
    if (!changed) ADD_FAILURE() << changed.error().Text();
  }
  // "as expected" or what differs.
  std::string Show(const Step& step) {
    const Bytes frame = step.packet;
    if (auto difference = judges_->Judge(step.device, step.direction, frame, Moment(step)))
      return *difference;
    const std::string outcome = Describe(judges_->last());
    return outcome == step.expected ? "as expected" : outcome + ", not " + step.expected;
  }
  uint64_t Moment(const Step& step) const { return day_ + step.milliseconds * kMillisecond; }
  // What the table has for the conversation that the step opened.
  std::optional<Conversation> Entry(const Step& opening) const {
    const Bytes frame = opening.packet;
    return judges_->ConversationOf("external", frame);
  }

 private:
  std::unique_ptr<ThreeJudges> judges_;
  uint64_t day_ = kApart;
};

void TellAll(const std::vector<Story>& stories) {
  Court court(EdgeNode());
  ASSERT_TRUE(court.ready());
  for (const Story& story : stories) {
    SCOPED_TRACE(story.name);
    court.NextDay();
    for (const Step& step : story.steps) {
      if (&step == &story.steps.back()) {
        // What `portmatrix flows` says of the entry just before is what then happens.
        const auto entry = court.Entry(story.steps.front());
        const bool live = entry && entry->IsLive(court.Moment(step));
        EXPECT_EQ(live, step.expected.starts_with("pass reply"));
      }
      EXPECT_EQ(court.Show(step), "as expected") << "step " << &step - story.steps.data() + 1;
    }
  }
  EXPECT_EQ(court.judges().CompareCounters().value_or(""), "");
}

TEST(ConversationTimeouts, OfEachTcpStateAreThoseOfTheTable) {
  NEEDS_KERNEL();
  TellAll(TcpTimeoutStories());
}

TEST(ConversationTimeouts, OfOtherProtocolsAreThoseOfTheTable) {
  NEEDS_KERNEL();
  TellAll(OtherTimeoutStories());
}

// A conversation of each kind of protocol, in both families.
struct Kind {
  std::string name;
  std::string rule;
  Step opening, middle, answer;
};

std::vector<Kind> Kinds() {
  std::vector<Kind> kinds;
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    const auto add = [&](const std::string& name, const std::string& rule, const Stack& opening,
                         const Stack& middle, const Stack& answer) {
      const auto step = [&](uint64_t at, Direction direction, const Stack& packet) {
        return Step{at, direction,
                    direction == Direction::kOut ? Out(family, packet) : In(family, packet)};
      };
      kinds.push_back({name + (family == Family::kIpv4 ? " over IPv4" : " over IPv6"), rule,
                       step(0, Direction::kOut, opening), step(1, Direction::kOut, middle),
                       step(2, Direction::kIn, answer)});
    };
    add("TCP", "https-out", TcpOf(5, 443, wire::kSyn), TcpOf(5, 443, wire::kAck),
        TcpOf(443, 5, wire::kAck));
    add("UDP", "dns-out", UdpOf(5, 53), UdpOf(5, 53), UdpOf(53, 5));
    add("SCTP", "sctp-out", SctpOf(5, 7, kSctpInit), SctpOf(5, 7, 0), SctpOf(7, 5, 0));
    add("ping", "ping-out", EchoRequest(family, 3), EchoRequest(family, 3), EchoReply(family, 3));
    add("ESP", "esp-out", wire::Zeros(8, protocol::kEsp), wire::Zeros(8, protocol::kEsp),
        wire::Zeros(8, protocol::kEsp));
  }
  return kinds;
}

Step Expect(Step step, uint64_t milliseconds, const std::string& expected) {
  step.milliseconds = milliseconds;
  step.expected = expected;
  return step;
}

#define SHOWS(step, milliseconds, expected) \
  EXPECT_EQ(court.Show(Expect(step, milliseconds, expected)), "as expected")

TEST(ConversationsAndRules, ARuleTakenAwayEndsItsConversationsWithTheNextPacket) {
  NEEDS_KERNEL();
  Court court(EdgeNode());
  ASSERT_TRUE(court.ready());
  for (const Kind& kind : Kinds()) {
    SCOPED_TRACE(kind.name);
    court.NextDay();
    court.Change(EdgeNode());
    SHOWS(kind.opening, 0, "pass rule " + kind.rule);
    SHOWS(kind.answer, 1, "pass reply " + kind.rule);
    SHOWS(kind.middle, 2, "pass rule " + kind.rule);
    ASSERT_TRUE(court.Entry(kind.opening));
    Node without = EdgeNode();
    RemoveRule(without, "external", kind.rule);
    court.Change(without);
    SHOWS(kind.answer, 3, "drop default");
    EXPECT_FALSE(court.Entry(kind.opening)) << "met and ended, and yet in the table";
    SHOWS(kind.middle, 4, "drop default");
    court.Change(EdgeNode());  // what ended does not come back with its rule
    SHOWS(kind.answer, 5, "drop default");
  }
  EXPECT_EQ(court.judges().CompareCounters().value_or(""), "");
}

TEST(ConversationsAndRules, AnotherRuleThatAllowsThemTakesThemOver) {
  NEEDS_KERNEL();
  Court court(EdgeNode());
  ASSERT_TRUE(court.ready());
  for (const Kind& kind : Kinds()) {
    SCOPED_TRACE(kind.name);
    court.NextDay();
    court.Change(EdgeNode());
    SHOWS(kind.opening, 0, "pass rule " + kind.rule);
    const uint64_t opened_at = court.Entry(kind.opening)->flow.opened_at;
    Node other = EdgeNode();
    RemoveRule(other, "external", kind.rule);
    other.interfaces[0].rules.push_back(
        MakeRule("external", {.id = "any-out", .direction = Direction::kOut}));
    court.Change(other);
    SHOWS(kind.answer, 1, "pass reply any-out");
    EXPECT_EQ(court.Entry(kind.opening)->flow.opened_at, opened_at);
  }
  EXPECT_EQ(court.judges().CompareCounters().value_or(""), "");
}

TEST(ConversationsAndRules, TryingAgainDoesNotMakeThemYounger) {
  NEEDS_KERNEL();
  Court court(EdgeNode());
  ASSERT_TRUE(court.ready());
  for (const Kind& kind : Kinds()) {
    SCOPED_TRACE(kind.name);
    court.NextDay();
    SHOWS(kind.opening, 0, "pass rule " + kind.rule);
    const uint64_t opened_at = court.Entry(kind.opening)->flow.opened_at;
    SHOWS(kind.opening, 3, "pass rule " + kind.rule);
    EXPECT_EQ(court.Entry(kind.opening)->flow.opened_at, opened_at);
  }
}

TEST(ConversationsAndRules, WhatTheDefaultAdmitsMakesNone) {
  NEEDS_KERNEL();
  Node node = EdgeNode();
  node.interfaces[0].default_verdict = Verdict::kPass;
  Court court(node);
  ASSERT_TRUE(court.ready());
  for (const Kind& kind : Kinds()) {
    SCOPED_TRACE(kind.name);
    court.NextDay();
    SHOWS(kind.opening, 0, "pass rule " + kind.rule);
    EXPECT_FALSE(court.Entry(kind.opening));
    SHOWS(kind.answer, 1, "pass default");
  }
}

// More conversations than there is room for: the oldest give way, each new one has its answers, and
// nothing that goes out is held up.
TEST(FullTable, GivesTheRoomOfTheOldestToTheNewest) {
  NEEDS_KERNEL();
  constexpr uint32_t kRoom = 1024;
  constexpr uint16_t kConversations = 5000, kNewest = 64;
  Court court(EdgeNode(), kRoom);
  ASSERT_TRUE(court.ready());
  const auto query = [](uint16_t port) {
    return Step{port, Direction::kOut, Out(Family::kIpv4, UdpOf(port, 53)), "pass rule dns-out"};
  };
  const auto answer = [](uint64_t at, uint16_t port) {
    return Step{at, Direction::kIn, In(Family::kIpv4, UdpOf(53, port)), "pass reply dns-out"};
  };
  for (uint16_t port = 1; port <= kConversations; ++port) {
    ASSERT_EQ(court.Show(query(port)), "as expected");
    ASSERT_EQ(court.Show(answer(port, port)), "as expected");
  }
  for (uint16_t port = kConversations - kNewest; port <= kConversations; ++port)
    ASSERT_EQ(court.Show(answer(kConversations, port)), "as expected");
  uint32_t kept = 0;
  for (uint16_t port = 1; port <= kConversations; ++port) kept += court.Entry(query(port)) ? 1 : 0;
  EXPECT_LE(kept, kRoom);
  EXPECT_GT(kept, kRoom / 2);
  EXPECT_EQ(court.judges().CompareCounters().value_or(""), "");  // and no fault
}

}  // namespace
}  // namespace portmatrix
