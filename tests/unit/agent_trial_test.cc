// SPDX-License-Identifier: Apache-2.0
// Changes on trial: confirmed, rolled back by hand, by the program, by nobody; and going back to
// older policies.
#include "tests/unit/agent_setup.h"

namespace portmatrix {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class AgentTrialTest : public AgentTest {
 protected:
  void SetUp() override {
    MustApply(PolicyOf({443}));
    MustApply(PolicyOf({443, 80}, "eth0, eth1"), 60);
    ASSERT_EQ(State(), PM_CONTROL_PENDING);
  }
  std::string ConfirmText() {
    const auto answer = firewall_->Confirm({0, "root"});
    return answer ? ToString(answer->result) : answer.refusal().text;
  }
};

TEST_F(AgentTrialTest, JudgesButIsNotConfirmed) {
  EXPECT_THAT(Judging(), ElementsAre("ping", "p443", "p80"));
  EXPECT_EQ(PM_CONTROL_DEADLINE(kernel_.control), clock_.boot + 60'000);
  EXPECT_EQ(store_->confirmed(), 1u);
}

TEST_F(AgentTrialTest, ConfirmedInTimeStays) {
  clock_.Pass(59'999);
  EXPECT_EQ(ConfirmText(), "confirmed");
  EXPECT_EQ(store_->confirmed(), 2u);
  clock_.Pass(100'000);
  kernel_.Packet(clock_.boot);
  firewall_->Tick();
  EXPECT_EQ(JudgingNumber(), 2u);
  EXPECT_EQ(State(), PM_CONTROL_SETTLED);
}

TEST_F(AgentTrialTest, ConfirmAtTheDeadlineLosesWithoutAnyPacket) {
  clock_.Pass(60'000);
  EXPECT_EQ(ConfirmText(), "too late: generation 2 was rolled back at its deadline");
  EXPECT_EQ(JudgingNumber(), 1u);
  EXPECT_EQ(State(), PM_CONTROL_ROLLED_BACK);
  EXPECT_EQ(store_->confirmed(), 1u);
  EXPECT_EQ(store_->generations().at(2).outcome, Outcome::kRolledBack);
}

TEST_F(AgentTrialTest, ConfirmLosesAgainstAPacketThatWasFirst) {
  // The agent's clock says that there is time, the packet's said that there was none.
  kernel_.before = [&](const std::string& call) {
    if (call == "SwapControl") kernel_.Packet(clock_.boot + 60'000);
  };
  EXPECT_EQ(ConfirmText(), "too late: generation 2 was rolled back at its deadline");
  kernel_.before = nullptr;
  EXPECT_EQ(JudgingNumber(), 1u);
  EXPECT_EQ(store_->confirmed(), 1u);
}

TEST_F(AgentTrialTest, ConfirmAfterTheProgramRolledBackIsRefused) {
  clock_.Pass(60'000);
  kernel_.Packet(clock_.boot);
  EXPECT_EQ(ConfirmText(), "nothing is on trial: generation 2 was rolled back");
}

TEST_F(AgentTrialTest, DevicesThatOnlyItBindsAreReleasedAfterARollBack) {
  EXPECT_THAT(Hooked(), ElementsAre("eth0", "eth1"));
  clock_.Pass(60'000);
  kernel_.Packet(clock_.boot);
  firewall_->Tick();
  EXPECT_THAT(Hooked(), ElementsAre("eth0"));
  EXPECT_TRUE(HasAlarm("trial"));
}

TEST_F(AgentTrialTest, DevicesThatOnlyTheOldOneBindsStayHookedUntilConfirm) {
  ASSERT_EQ(ConfirmText(), "confirmed");
  MustApply(PolicyOf({443}, "eth1"), 60);
  EXPECT_THAT(Hooked(), ElementsAre("eth0", "eth1"));
  ASSERT_EQ(ConfirmText(), "confirmed");
  EXPECT_THAT(Hooked(), ElementsAre("eth1"));
}

TEST_F(AgentTrialTest, RollBackEndsIt) {
  const auto answer = firewall_->RollBack(std::nullopt, {0, "root"});
  ASSERT_TRUE(answer) << answer.refusal().text;
  EXPECT_EQ(answer->result, Applied::Result::kRolledBack);
  EXPECT_EQ(answer->generation, 1u);
  EXPECT_THAT(Judging(), ElementsAre("ping", "p443"));
  EXPECT_EQ(ConfirmText(), "nothing is on trial: generation 2 was rolled back");
}

TEST_F(AgentTrialTest, NoSecondChangeWhileOneIsPending) {
  const auto refused = Apply(PolicyOf({25}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.refusal().kind, Refusal::Kind::kRefused);
  EXPECT_EQ(refused.refusal().text, "generation 2 is on trial: confirm it or roll it back first");
  EXPECT_FALSE(firewall_->RollBack(7, {0, "root"}));
}

TEST_F(AgentTrialTest, OverdueTrialMakesRoomForTheNextChange) {
  clock_.Pass(61'000);
  MustApply(PolicyOf({25}));
  EXPECT_THAT(Judging(), ElementsAre("ping", "p25"));
  EXPECT_EQ(kernel_.slots[PM_CONTROL_PREVIOUS(kernel_.control)].record.number, 1u);
}

TEST_F(AgentTrialTest, AgentThatStartsAgainFindsItPendingAndConfirms) {
  StartAgent();
  ASSERT_TRUE(firewall_->Start(nullptr));
  EXPECT_EQ(State(), PM_CONTROL_PENDING);
  EXPECT_THAT(Hooked(), ElementsAre("eth0", "eth1"));
  EXPECT_EQ(ConfirmText(), "confirmed");
  EXPECT_EQ(store_->confirmed(), 2u);
}

TEST_F(AgentTrialTest, BootWhilePendingComesUpWithTheConfirmedOne) {
  Reboot();
  ASSERT_TRUE(firewall_->Start(nullptr));
  EXPECT_THAT(Judging(), ElementsAre("ping", "p443"));
  EXPECT_EQ(JudgingNumber(), 1u);
  EXPECT_EQ(State(), PM_CONTROL_SETTLED);
}

TEST_F(AgentTrialTest, RolledBackPolicyIsInstalledAgainOnlyByApply) {
  ASSERT_TRUE(firewall_->RollBack(std::nullopt, {0, "root"}));
  const auto reloaded = firewall_->Reload(PolicyOf({443, 80}, "eth0, eth1"));
  ASSERT_FALSE(reloaded);
  EXPECT_THAT(reloaded.refusal().text, HasSubstr("was rolled back as generation 2"));
  MustApply(PolicyOf({443, 80}, "eth0, eth1"));
  EXPECT_EQ(JudgingNumber(), 3u);
}

TEST_F(AgentTrialTest, ConfirmationThatIsNotOnTheDiskIsNotAcknowledged) {
  std::filesystem::create_directory(folder_.path() + "/state/.unfinished-confirmed");
  EXPECT_THAT(ConfirmText(), HasSubstr("generation 2 is in force, but a boot would not know it"));
  EXPECT_TRUE(HasAlarm("state directory"));
  std::filesystem::remove(folder_.path() + "/state/.unfinished-confirmed");
  firewall_->Tick();
  EXPECT_FALSE(HasAlarm("state directory"));
  EXPECT_EQ(store_->confirmed(), 2u);
}

TEST_F(AgentTrialTest, NextLookComesAtTheDeadline) {
  clock_.Pass(58'500);
  firewall_->Tick();
  EXPECT_EQ(enforcement_->UntilNextTick(), 1'500u);
}

class AgentFirstTrialTest : public AgentTest {};

TEST_F(AgentFirstTrialTest, FallsBackToNothingInForce) {
  MustApply(PolicyOf({443}), 30);
  EXPECT_EQ(State(), PM_CONTROL_PENDING);
  EXPECT_EQ(JudgingNumber(), 2u);
  clock_.Pass(30'000);
  kernel_.Packet(clock_.boot);
  EXPECT_THAT(Judging(), IsEmpty()) << "the program itself falls back to what binds no device";
  firewall_->Tick();
  EXPECT_EQ(State(), PM_CONTROL_DETACHED);
  EXPECT_THAT(Hooked(), IsEmpty());
  EXPECT_FALSE(store_->confirmed());
}

TEST_F(AgentFirstTrialTest, ConfirmedItStays) {
  MustApply(PolicyOf({443}), 30);
  ASSERT_TRUE(firewall_->Confirm({0, "root"}));
  EXPECT_EQ(store_->confirmed(), 2u);
  EXPECT_THAT(Judging(), ElementsAre("ping", "p443"));
  MustApply(PolicyOf({80}));
  EXPECT_THAT(Judging(), ElementsAre("ping", "p80"));
}

class AgentHistoryTest : public AgentTest {};

TEST_F(AgentHistoryTest, RollBackWithoutATrialGoesToThePolicyConfirmedBefore) {
  MustApply(PolicyOf({443}));
  MustApply(PolicyOf({80}));
  const auto answer = firewall_->RollBack(std::nullopt, {0, "root"});
  ASSERT_TRUE(answer) << answer.refusal().text;
  EXPECT_EQ(answer->generation, 3u);
  EXPECT_THAT(Judging(), ElementsAre("ping", "p443"));
  EXPECT_EQ(store_->generations().at(3).note, "rollback to 1");
  EXPECT_EQ(store_->generations().at(3).fingerprint, store_->generations().at(1).fingerprint);
}

TEST_F(AgentHistoryTest, RollBackToANumber) {
  for (const int port : {1, 2, 3}) MustApply(PolicyOf({port}));
  ASSERT_TRUE(firewall_->RollBack(1, {0, "root"}));
  EXPECT_THAT(Judging(), ElementsAre("ping", "p1"));
  EXPECT_FALSE(firewall_->RollBack(99, {0, "root"}));
}

TEST_F(AgentHistoryTest, NothingToGoBackTo) {
  EXPECT_FALSE(firewall_->RollBack(std::nullopt, {0, "root"}));
  MustApply(PolicyOf({443}));
  EXPECT_FALSE(firewall_->RollBack(std::nullopt, {0, "root"}));
}

}  // namespace
}  // namespace portmatrix
