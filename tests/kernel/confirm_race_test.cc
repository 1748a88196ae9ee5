// SPDX-License-Identifier: Apache-2.0
// A confirmation against the deadline, on the real control word: packets run through the live
// program on one processor while the agent confirms on another. PORTMATRIX_RACES says how often
// (10,000 for the whole proof).
#include <sched.h>

#include <atomic>
#include <cstdlib>
#include <ctime>
#include <random>
#include <thread>

#include "agent/alarms.h"
#include "agent/clock.h"
#include "agent/enforcement.h"
#include "agent/state_directory.h"
#include "tests/kernel/pinned_node.h"

namespace portmatrix {
namespace {

constexpr uint16_t kNew = 7002;  // only the generation on trial lets it in

uint64_t BootNanoseconds() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

void StayOn(int processor) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(processor, &one);
  sched_setaffinity(0, sizeof one, &one);
}

class ConfirmRaceTest : public PinnedNodeTest {
 protected:
  struct Seen {
    bool back_and_forth = false;   // a packet passed after one had dropped
    bool late_one_passed = false;  // it began after the deadline and before the confirmation
    bool dropped = false;
    uint64_t packets = 0;
  };

  // Packets until `stop`, and two more.
  Seen Send(uint64_t deadline, const std::atomic<uint64_t>& confirm_begins,
            const std::atomic<bool>& stop) const {
    Seen seen;
    for (int after = 0; after < 2;) {
      if (stop) ++after;
      const uint64_t began = BootNanoseconds();
      const bool passed = Passes(kNew);
      const bool before_confirm = confirm_begins == 0;
      if (passed && seen.dropped) seen.back_and_forth = true;
      if (passed && began / 1'000'000 >= deadline && before_confirm) seen.late_one_passed = true;
      if (!passed) seen.dropped = true;
      ++seen.packets;
    }
    return seen;
  }
};

TEST_F(ConfirmRaceTest, IsNeverInconsistent) {
  if (std::thread::hardware_concurrency() < 2) GTEST_SKIP() << "needs two processors";
  ASSERT_NO_FATAL_FAILURE(Fill(0, NodeOf({7001})));
  ASSERT_NO_FATAL_FAILURE(Fill(1, NodeOf({7001, kNew})));
  Judge(0, 0, PM_CONTROL_SETTLED);

  std::string folder = testing::TempDir() + "/portmatrix-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  auto store = StateDirectory::Open(folder);
  ASSERT_TRUE(store.ok()) << store.error().Text();
  SystemClock clock;
  Alarms alarms(clock, [](Weight, const std::string&) {});
  Datapath& word = *datapath_;
  Enforcement enforcement(std::move(datapath_), nullptr, **store, clock, alarms);

  const char* wanted = std::getenv("PORTMATRIX_RACES");
  const int races = wanted != nullptr ? std::atoi(wanted) : 300;
  std::mt19937 random(20130901);
  std::uniform_int_distribution<int64_t> offset(-40'000, 40'000);  // nanoseconds
  // How long a confirmation takes from its first line to the word depends on the machine and the
  // build: each race starts a little earlier than the last if that was lost, and later if it won,
  // so that all of them are close.
  constexpr int64_t kStep = 2'000;
  int64_t centre = 0;
  int confirmed_count = 0;
  for (int race = 0; race < races; ++race) {
    const uint64_t before = *word.ReadControl();
    const uint64_t deadline = BootNanoseconds() / 1'000'000 + 2;
    ASSERT_TRUE(*word.SwapControl(
        before, PM_CONTROL(1, 0, PM_CONTROL_PENDING, PM_CONTROL_SEQUENCE(before) + 1, deadline)));
    const auto standing = enforcement.Stand();
    ASSERT_TRUE(standing.ok());

    std::atomic<uint64_t> confirm_begins = 0;
    std::atomic<bool> stop = false;
    Seen seen;
    std::thread packets([&] {
      StayOn(0);
      seen = Send(deadline, confirm_begins, stop);
    });
    bool confirmed = false;
    std::thread agent([&] {
      StayOn(1);
      const uint64_t at = deadline * 1'000'000 +
                          static_cast<uint64_t>(centre + offset(random)) /* wraps downwards */;
      while (BootNanoseconds() < at) {
      }
      confirm_begins = BootNanoseconds();
      const Result<bool> answer = enforcement.Confirm(*standing);
      confirmed = answer.ok() && *answer;
      stop = true;
    });
    agent.join();
    packets.join();

    const uint64_t after = *word.ReadControl();
    centre += confirmed ? kStep : -kStep;
    SCOPED_TRACE(race);
    ASSERT_FALSE(seen.back_and_forth);
    ASSERT_FALSE(seen.late_one_passed) << "past the deadline, and no confirmation was on its way";
    ASSERT_GT(seen.packets, 0u);
    if (confirmed) {
      ASSERT_LT(confirm_begins / 1'000'000, deadline) << "later than the deadline, and it won";
      ASSERT_EQ(PM_CONTROL_STATE(after), PM_CONTROL_SETTLED);
      ASSERT_EQ(PM_CONTROL_JUDGING(after), 1u);
      ASSERT_FALSE(seen.dropped) << "confirmed, and yet a packet was judged by the old one";
      ++confirmed_count;
    } else {
      ASSERT_EQ(PM_CONTROL_STATE(after), PM_CONTROL_ROLLED_BACK);
      ASSERT_EQ(PM_CONTROL_JUDGING(after), 0u);
      ASSERT_TRUE(seen.dropped) << "refused, and yet the last packets were judged by the new one";
    }
  }
  std::printf("%d races: %d confirmed, %d rolled back\n", races, confirmed_count,
              races - confirmed_count);
  EXPECT_GT(confirmed_count, 0);
  EXPECT_LT(confirmed_count, races);
  ASSERT_EQ(std::system(("rm -r " + folder).c_str()), 0);
  EXPECT_TRUE(word.Remove().ok());
}

}  // namespace
}  // namespace portmatrix
