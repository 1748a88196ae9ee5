// SPDX-License-Identifier: Apache-2.0
// Retiring rules: one instant for readers, whatever step a kill leaves it at, and slots that are
// given again start at zero.
#include <atomic>
#include <thread>

#include "agent/datapath/bpf_map.h"
#include "tests/kernel/pinned_node.h"

namespace portmatrix {
namespace {

RuleIdentity In(const std::string& id) { return {"ext/m/" + id, Direction::kIn}; }

class RetirementTest : public PinnedNodeTest {
 protected:
  template <typename Value>
  Value Read(const char* name, uint32_t key) const {
    auto map = BpfMap::OpenPinned(name, pin_root_ + "/maps/" + name, false);
    return **map->Lookup<uint32_t, Value>(key);
  }
  template <typename Value>
  void Write(const char* name, uint32_t key, const Value& value) const {
    auto map = BpfMap::OpenPinned(name, pin_root_ + "/maps/" + name, false);
    ASSERT_TRUE(map->Update(key, value).ok());
  }
  uint32_t SlotOf(const std::string& id) { return datapath_->ReadNumbering()->rules.at(In(id)); }
  void ExpectSum(uint64_t packets, const char* when) {
    const auto snapshot = Counters();
    ASSERT_TRUE(snapshot.ok()) << snapshot.error().Text();
    EXPECT_EQ(Seen(*snapshot).total.packets, packets) << when;
    EXPECT_EQ(Placed(*snapshot), packets) << when;
  }
};

TEST_F(RetirementTest, ReaderFindsTheSumRightAtAnyMoment) {
  constexpr int kRounds = 40;
  constexpr uint16_t kRules = 40;
  std::vector<uint16_t> ports;
  for (uint16_t i = 0; i < kRules; ++i) ports.push_back(7000 + i);
  ASSERT_NO_FATAL_FAILURE(Fill(0, NodeOf({1})));
  Judge(0, 0, PM_CONTROL_SETTLED);
  uint64_t sent = 0;
  for (int round = 0; round < kRounds; ++round) {
    ASSERT_NO_FATAL_FAILURE(Fill(1, NodeOf(ports)));
    Judge(1, 0, PM_CONTROL_SETTLED);
    for (const uint16_t port : ports) EXPECT_TRUE(Passes(port, 3));
    sent += uint64_t{kRules} * 3;
    Judge(0, 0, PM_CONTROL_SETTLED);
    ASSERT_TRUE(datapath_->WaitForPrograms().ok());
    std::atomic<bool> done = false;
    std::vector<RuleIdentity> rules;
    for (const uint16_t port : ports) rules.push_back(In("p" + std::to_string(port)));
    std::thread retiring([&] {
      EXPECT_TRUE(datapath_->Retire(rules).ok());
      done = true;
    });
    auto reader = PinnedReader::Open(pin_root_);
    ASSERT_TRUE(reader.ok());
    while (!done) {
      const auto snapshot = (*reader)->ReadCounters();
      if (!snapshot) continue;  // EAGAIN
      EXPECT_EQ(Placed(*snapshot), sent) << "round " << round;
    }
    retiring.join();
    if (HasFailure()) break;
  }
  ExpectSum(sent, "at the end");
}

TEST_F(RetirementTest, KilledBeforeItsInstantNothingHappened) {
  ASSERT_NO_FATAL_FAILURE(Fill(0, NodeOf({7001, 7002})));
  Judge(0, 0, PM_CONTROL_SETTLED);
  EXPECT_TRUE(Passes(7001, 5));
  // The name is marked and the other bank half written; the number is not.
  const uint32_t slot = SlotOf("p7001");
  auto name = Read<pm_rule_name>("names", slot);
  name.retired_at = 1;
  Write("names", slot, name);
  Write("retired", PM_RETIRED_INDEX(1, name.owner, PM_IN), pm_seen_counter{77, 77});
  ExpectSum(5, "marked");
  datapath_.reset();
  ASSERT_NO_FATAL_FAILURE(Open());
  ExpectSum(5, "after the next start");
  EXPECT_EQ(Packets(*Counters(), "p7001"), 5u);
  EXPECT_EQ(Read<pm_rule_name>("names", slot).retired_at, 0u);
  // The next retirement takes p7002 alone.
  ASSERT_TRUE(datapath_->Retire({In("p7002")}).ok());
  EXPECT_EQ(Packets(*Counters(), "p7001"), 5u);
  ExpectSum(5, "after the next retirement");
}

TEST_F(RetirementTest, KilledAfterItsInstantItIsEndedByTheNextStart) {
  ASSERT_NO_FATAL_FAILURE(Fill(0, NodeOf({7001, 7002})));
  Judge(0, 0, PM_CONTROL_SETTLED);
  EXPECT_TRUE(Passes(7001, 5));
  const uint32_t slot = SlotOf("p7001");
  auto name = Read<pm_rule_name>("names", slot);
  name.retired_at = 1;
  Write("names", slot, name);
  Write("retired", PM_RETIRED_INDEX(1, name.owner, PM_IN), pm_seen_counter{5, 300});
  Write("retirements", 0, uint64_t{1});
  ExpectSum(5, "while its slot still holds the counts");
  EXPECT_EQ(Packets(*Counters(), "p7001"), UINT64_MAX);
  datapath_.reset();
  ASSERT_NO_FATAL_FAILURE(Open());
  ExpectSum(5, "after the next start");
  EXPECT_FALSE(datapath_->ReadNumbering()->rules.contains(In("p7001")));
  // Who gets the slot starts at zero.
  ASSERT_NO_FATAL_FAILURE(Fill(1, NodeOf({7002, 7003})));
  EXPECT_EQ(SlotOf("p7003"), slot);
  EXPECT_EQ(Packets(*Counters(), "p7003"), 0u);
}

TEST_F(RetirementTest, RuleThatReturnsStartsAtZero) {
  ASSERT_NO_FATAL_FAILURE(Fill(0, NodeOf({7001, 7002})));
  Judge(0, 0, PM_CONTROL_SETTLED);
  EXPECT_TRUE(Passes(7001, 4));
  ASSERT_NO_FATAL_FAILURE(Fill(1, NodeOf({7002})));
  Judge(1, 1, PM_CONTROL_SETTLED);
  ASSERT_TRUE(datapath_->WaitForPrograms().ok());
  ASSERT_TRUE(datapath_->Retire({In("p7001")}).ok());
  ASSERT_NO_FATAL_FAILURE(Fill(0, NodeOf({7001, 7002})));
  Judge(0, 1, PM_CONTROL_SETTLED);
  EXPECT_EQ(Packets(*Counters(), "p7001"), 0u);
  EXPECT_TRUE(Passes(7001));
  EXPECT_EQ(Packets(*Counters(), "p7001"), 1u);
  ExpectSum(5, "at the end");
}

}  // namespace
}  // namespace portmatrix
