// SPDX-License-Identifier: Apache-2.0
// Live sets in the real maps under pins: an entry counts from the next packet on and until its
// time, whoever is the agent and whichever generation judges.
#include <fmt/format.h>

#include <chrono>
#include <ctime>
#include <thread>

#include "agent/datapath/flow_table.h"
#include "agent/datapath/live_set_table.h"
#include "tests/kernel/pinned_node.h"

namespace portmatrix {
namespace {

constexpr uint64_t kMillisecond = 1'000'000;

Prefix PrefixOf(const std::string& address, uint8_t length = 32) {
  return {*ParseAddress(address), length};
}

class LiveSets : public PinnedNodeTest {
 protected:
  // UDP to port 7001 is let in unless it comes from what `blocked` holds.
  static Node BlockingNode(uint32_t max = 100) {
    Node node = NodeOf({7001});
    node.live_sets = {{"other", 10, {}}, {"blocked", max, {}}};
    Rule deny = node.interfaces[0].rules[0];
    deny.key = "ext/m/no";
    deny.action = Action::kDeny;
    deny.match.from = {};
    deny.match.from_live = 2;
    node.interfaces[0].rules.insert(node.interfaces[0].rules.begin(), deny);
    return node;
  }
  uint32_t Blocked() const { return datapath_->LiveNumbers().at("blocked"); }
  void Put(const Prefix& prefix, uint64_t until = PM_LIVE_FOREVER) {
    auto put = datapath_->PutLive(Blocked(), prefix, {.until = until});
    ASSERT_TRUE(put.ok()) << put.error().Text();
  }
  void Erase(const Prefix& prefix) {
    auto erased = datapath_->EraseLive(Blocked(), prefix);
    ASSERT_TRUE(erased.ok()) << erased.error().Text();
  }
};

TEST_F(LiveSets, EntriesCountFromTheNextPacketOn) {
  Fill(0, BlockingNode());
  Judge(0, 0, PM_CONTROL_SETTLED);
  EXPECT_TRUE(Passes(7001));
  for (const Prefix& prefix :
       {PrefixOf("192.0.2.2"), PrefixOf("192.0.2.0", 24), PrefixOf("0.0.0.0", 0)}) {
    Put(prefix);
    EXPECT_FALSE(Passes(7001)) << ToString(prefix);
    Erase(prefix);
    EXPECT_TRUE(Passes(7001)) << ToString(prefix);
  }
  Put(PrefixOf("192.0.2.3"));
  Put(PrefixOf("192.0.3.0", 24));
  Put(PrefixOf("::", 0));
  EXPECT_TRUE(Passes(7001));
}

TEST_F(LiveSets, EntriesEndWithTheirTimeWithoutAnAgent) {
  Fill(0, BlockingNode());
  Judge(0, 0, PM_CONTROL_SETTLED);
  for (const Prefix& prefix : {PrefixOf("192.0.2.2"), PrefixOf("192.0.2.0", 24)}) {
    Put(prefix, ProgramClock() + 300 * kMillisecond);
    EXPECT_FALSE(Passes(7001)) << ToString(prefix);
    std::this_thread::sleep_for(std::chrono::milliseconds(350));
    EXPECT_TRUE(Passes(7001)) << ToString(prefix);
  }
}

// The trie finds the innermost entry alone.
TEST_F(LiveSets, EntryThatIsOverDoesNotHideThoseAroundIt) {
  Fill(0, BlockingNode());
  Judge(0, 0, PM_CONTROL_SETTLED);
  const Prefix inner = PrefixOf("192.0.2.0", 25), outer = PrefixOf("192.0.2.0", 24);
  const uint64_t over = ProgramClock() - 10 * kMillisecond;  // the program's clock ticks in steps
  Put(inner, over);
  EXPECT_TRUE(Passes(7001));
  Put(outer);
  EXPECT_FALSE(Passes(7001));
  Put(PrefixOf("192.0.2.2"), over);
  EXPECT_FALSE(Passes(7001));
  Erase(outer);
  EXPECT_TRUE(Passes(7001));
  Put(outer);
  Put(inner, over);
  EXPECT_FALSE(Passes(7001));
  Erase(inner);
  EXPECT_FALSE(Passes(7001));
}

TEST_F(LiveSets, AnotherAgentFindsAllEntries) {
  Fill(0, BlockingNode());
  Judge(0, 0, PM_CONTROL_SETTLED);
  Put(PrefixOf("192.0.2.2"));
  Put(PrefixOf("192.0.2.0", 25), PM_LIVE_FOREVER - 1);
  Put({*ParseAddress("2001:db8::"), 32});
  const LiveEntries::Map before = datapath_->LiveContent(Blocked()).all();
  datapath_.reset();
  ASSERT_NO_FATAL_FAILURE(Open());
  EXPECT_EQ(datapath_->LiveContent(Blocked()).all(), before);
  EXPECT_FALSE(Passes(7001));
  Erase(PrefixOf("192.0.2.2"));
  Erase(PrefixOf("192.0.2.0", 25));
  EXPECT_TRUE(Passes(7001));
}

TEST_F(LiveSets, ContentStaysWithTheNameWhenPoliciesChange) {
  Fill(0, BlockingNode());
  Judge(0, 0, PM_CONTROL_SETTLED);
  Put(PrefixOf("192.0.2.2"));
  const uint32_t number = Blocked();
  // In another place, and with more room.
  Node next = BlockingNode(5000);
  std::swap(next.live_sets[0], next.live_sets[1]);
  next.interfaces[0].rules[0].match.from_live = 1;
  Fill(1, next);
  Judge(1, 0, PM_CONTROL_SETTLED);
  EXPECT_EQ(Blocked(), number);
  EXPECT_EQ(datapath_->LiveCapacity(number), 5000u);
  EXPECT_FALSE(Passes(7001));
  Judge(0, 1, PM_CONTROL_ROLLED_BACK);
  EXPECT_FALSE(Passes(7001));
  Erase(PrefixOf("192.0.2.2"));
  EXPECT_TRUE(Passes(7001));
}

TEST_F(LiveSets, ForgottenSetComesBackEmpty) {
  Fill(0, BlockingNode());
  Judge(0, 0, PM_CONTROL_SETTLED);
  Put(PrefixOf("192.0.2.2"));
  Fill(1, NodeOf({7001}));
  Judge(1, 1, PM_CONTROL_SETTLED);
  ASSERT_TRUE(datapath_->WaitForPrograms().ok());
  auto forgotten = datapath_->ForgetLiveSets({"blocked"});
  ASSERT_TRUE(forgotten.ok()) << forgotten.error().Text();
  EXPECT_FALSE(datapath_->LiveNumbers().contains("blocked"));
  Fill(0, BlockingNode());
  Judge(0, 1, PM_CONTROL_SETTLED);
  EXPECT_TRUE(Passes(7001));
  Put(PrefixOf("192.0.2.2"));
  EXPECT_FALSE(Passes(7001));
}

TEST_F(LiveSets, ThousandsOfEntriesAndNoneMore) {
  constexpr uint32_t kMax = 20'000;
  Fill(0, BlockingNode(kMax));
  Judge(0, 0, PM_CONTROL_SETTLED);
  const auto at = [](uint32_t i) {
    return PrefixOf(fmt::format("10.{}.{}.{}", i >> 16, i >> 8 & 255, i & 255));
  };
  const auto start = std::chrono::steady_clock::now();
  for (uint32_t i = 0; i + 1 < kMax; ++i) ASSERT_NO_FATAL_FAILURE(Put(at(i)));
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  fmt::print("{:.0f} entries a second\n", kMax / seconds.count());
  EXPECT_TRUE(Passes(7001));
  Put(PrefixOf("192.0.2.2"));
  EXPECT_FALSE(Passes(7001));
  const auto full = datapath_->PutLive(Blocked(), PrefixOf("11.0.0.1"), {});
  ASSERT_FALSE(full.ok());
  EXPECT_EQ(full.error().code, E2BIG);
  EXPECT_EQ(datapath_->LiveContent(Blocked()).size(), kMax);
  EXPECT_FALSE(Passes(7001));
}

TEST_F(LiveSets, AreReadForASimulationWithWhatCountsNow) {
  Fill(0, BlockingNode());
  Judge(0, 0, PM_CONTROL_SETTLED);
  Put(PrefixOf("192.0.2.2"));
  Put(PrefixOf("192.0.2.0", 25), 5);
  const auto content = ReadPinnedLiveSets(pin_root_, 5);
  ASSERT_TRUE(content.ok()) << content.error().Text();
  EXPECT_EQ(*content,
            (std::map<uint32_t, std::vector<Prefix>>{{Blocked(), {PrefixOf("192.0.2.2")}}}));
}

}  // namespace
}  // namespace portmatrix
