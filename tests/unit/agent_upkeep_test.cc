// SPDX-License-Identifier: Apache-2.0
// What the agent looks after while time passes: clocks that jump, detachment, expiries.
#include "tests/unit/agent_setup.h"

namespace portmatrix {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// The wall clock is set by others; lengths and deadlines must not follow it.
class AgentClockTest : public AgentTest, public testing::WithParamInterface<int64_t> {
 protected:
  void Jump() { clock_.now += GetParam(); }
};

TEST_P(AgentClockTest, LengthOfAGapIsThatOfTheClockThatNobodySets) {
  MustApply(PolicyOf({443}));
  firewall_->Tick();
  kernel_.devices.erase("eth0");
  clock_.Pass(1'000);
  firewall_->Tick();
  Jump();
  clock_.Pass(2'000);
  kernel_.devices["eth0"] = 8;
  firewall_->Tick();
  ASSERT_EQ(enforcement_->protection().gaps().size(), 1u);
  EXPECT_EQ(enforcement_->protection().gaps()[0].milliseconds, 3'000u);
  EXPECT_EQ(enforcement_->protection().UnprotectedMilliseconds().at("eth0"), 3'000u);
}

TEST_P(AgentClockTest, TrialLastsItsTime) {
  MustApply(PolicyOf({443}));
  MustApply(PolicyOf({80}), 60);
  Jump();
  clock_.Pass(59'000);
  firewall_->Tick();
  EXPECT_EQ(State(), PM_CONTROL_PENDING);
  clock_.Pass(1'000);
  firewall_->Tick();
  EXPECT_EQ(State(), PM_CONTROL_ROLLED_BACK);
  EXPECT_THAT(Judging(), ElementsAre("ping", "p443"));
}

TEST_P(AgentClockTest, NumbersGoOnAndAStartTakesUpWhatJudges) {
  MustApply(PolicyOf({443}));
  Jump();
  MustApply(PolicyOf({80}));
  StartAgent();
  ASSERT_TRUE(firewall_->Start(nullptr));
  EXPECT_EQ(JudgingNumber(), 2u);
  Reboot();
  ASSERT_TRUE(firewall_->Start(nullptr));
  EXPECT_THAT(Judging(), ElementsAre("ping", "p80"));
}

INSTANTIATE_TEST_SUITE_P(AYearForthAndBack, AgentClockTest,
                         testing::Values(int64_t{365} * 86'400 * 1'000'000'000,
                                         int64_t{-365} * 86'400 * 1'000'000'000));

class AgentDetachTest : public AgentTest {};

TEST_F(AgentDetachTest, DetachedStaysDetachedUntilApply) {
  MustApply(PolicyOf({443}));
  ASSERT_TRUE(firewall_->Detach({0, "root"}));
  pins_are_gone_ = true;
  EXPECT_THAT(Hooked(), IsEmpty());
  EXPECT_TRUE(HasAlarm("enforcement"));
  EXPECT_FALSE(firewall_->Reload(PolicyOf({443})));
  Reboot();
  ASSERT_TRUE(firewall_->Start(Files(PolicyOf({443}))));
  EXPECT_THAT(Judging(), ElementsAre("detached"));
  MustApply(PolicyOf({443}));
  EXPECT_THAT(Judging(), ElementsAre("ping", "p443"));
  EXPECT_FALSE(store_->detached());
}

TEST_F(AgentDetachTest, DetachedByTheCommandAloneIsHonouredAndRemembered) {
  MustApply(PolicyOf({443}));
  ASSERT_TRUE(FakeDatapath(&kernel_).Remove());
  firewall_->Tick();
  EXPECT_TRUE(store_->detached());
  EXPECT_THAT(Hooked(), IsEmpty());
  pins_are_gone_ = true;
  const int opened = opened_;
  MustApply(PolicyOf({443}));
  EXPECT_EQ(opened_, opened + 1) << "pins that were removed must be made anew";
  EXPECT_THAT(Hooked(), ElementsAre("eth0"));
}

class AgentExpiryTest : public AgentTest {
 protected:
  // p7 expires 100 s after the test's beginning.
  static Sources Expiring(const std::vector<int>& ports = {443}) {
    return PolicyOf(ports, "eth0",
                    "  - {id: p7, from: any, to: me, protocol: tcp, ports: 7, expires: "
                    "2026-09-21T14:15:00Z}\n");
  }
  // Does any rule of the judging image match port 7? Rule tables hold only active rules.
  size_t ActiveRules() const {
    size_t active = 0;
    for (const pm_block& block : kernel_.judging().image.table(PM_TABLE_RULES))
      for (int i = 0; i < PM_RULES_PER_BLOCK; ++i)
        if (reinterpret_cast<const pm_rule*>(&block)[i].action != 0) ++active;
    return active;
  }
  void SetUp() override { clock_.now = int64_t{1'790'000'000} * 1'000'000'000; }
  static constexpr uint64_t kLeft = 100'000;
};

TEST_F(AgentExpiryTest, NewGenerationWithoutTheRule) {
  MustApply(Expiring());
  EXPECT_EQ(ActiveRules(), 3u);
  clock_.Pass(kLeft - 1);
  firewall_->Tick();
  EXPECT_EQ(JudgingNumber(), 1u);
  EXPECT_EQ(enforcement_->UntilNextTick(), 1u);
  clock_.Pass(1);
  firewall_->Tick();
  EXPECT_EQ(JudgingNumber(), 2u);
  EXPECT_EQ(ActiveRules(), 2u);
  EXPECT_EQ(State(), PM_CONTROL_SETTLED);
  EXPECT_EQ(store_->confirmed(), 2u);
  EXPECT_EQ(store_->generations().at(2).note, "rules of generation 1 expired");
  EXPECT_THAT(Judging(), ElementsAre("ping", "p443", "p7")) << "it keeps its counter";
  EXPECT_THAT(kernel_.retired, IsEmpty());
  EXPECT_EQ(Apply(Expiring())->result, Applied::Result::kUnchanged);
}

TEST_F(AgentExpiryTest, InATrialTooAndInWhatItFallsBackTo) {
  MustApply(Expiring());
  MustApply(Expiring({443, 80}), 3600);
  const uint64_t deadline = PM_CONTROL_DEADLINE(kernel_.control);
  clock_.Pass(kLeft);
  firewall_->Tick();
  EXPECT_EQ(State(), PM_CONTROL_PENDING);
  EXPECT_EQ(PM_CONTROL_DEADLINE(kernel_.control), deadline);
  EXPECT_EQ(ActiveRules(), 3u) << "ping, p443, p80";
  ASSERT_TRUE(firewall_->RollBack(std::nullopt, {0, "root"}));
  EXPECT_EQ(ActiveRules(), 2u) << "ping, p443";
  EXPECT_EQ(store_->confirmed(), JudgingNumber());
}

TEST_F(AgentExpiryTest, WhileNobodyRanIsMadeUpForAtTheStart) {
  MustApply(Expiring());
  KillAgent();
  clock_.Pass(2 * kLeft);
  StartAgent();
  ASSERT_TRUE(firewall_->Start(nullptr));
  EXPECT_EQ(ActiveRules(), 2u);
}

TEST_F(AgentExpiryTest, FailureIsAnAlarmAndTriedAgainWithoutFillingTheHistory) {
  MustApply(Expiring());
  clock_.Pass(kLeft);
  for (int i = 0; i < 5; ++i) {
    kernel_.before = [&](const std::string& call) {
      if (call.starts_with("Install")) kernel_.fail_at = 1;
    };
    firewall_->Tick();
  }
  EXPECT_TRUE(HasAlarm("expiry"));
  EXPECT_EQ(store_->generations().size(), 1u);
  kernel_.before = nullptr;
  firewall_->Tick();
  EXPECT_FALSE(HasAlarm("expiry"));
  EXPECT_EQ(ActiveRules(), 2u);
}

}  // namespace
}  // namespace portmatrix
