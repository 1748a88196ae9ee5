// SPDX-License-Identifier: Apache-2.0
// Events through pins: an upgrade from a program that told nothing, and an agent that comes back to
// a ring that goes on.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "agent/datapath/event_ring.h"
#include "tests/kernel/pinned_node.h"

namespace portmatrix {
namespace {

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
