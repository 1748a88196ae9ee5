// SPDX-License-Identifier: Apache-2.0
// Events that nobody is told of: while nobody listens, beyond a source's budget, lost in a full
// ring; and how exactly the program counts what it keeps to itself.
#include <gtest/gtest.h>

#include <map>

#include "tests/kernel/event_world.h"

namespace portmatrix {
namespace {

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

}  // namespace
}  // namespace portmatrix
