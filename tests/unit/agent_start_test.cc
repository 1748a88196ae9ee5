// SPDX-License-Identifier: Apache-2.0
// What an agent takes up when it starts: pins, the confirmed policy, files; and what it does where
// some of it is missing or damaged.
#include "tests/unit/agent_setup.h"

namespace portmatrix {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class AgentStartTest : public AgentTest {};

TEST_F(AgentStartTest, VeryFirstStartTakesTheFiles) {
  const auto started = firewall_->Start(Files(PolicyOf({443})));
  ASSERT_TRUE(started) << started.refusal().text;
  EXPECT_THAT(Judging(), ElementsAre("ping", "p443"));
  EXPECT_EQ(store_->confirmed(), 1u);
}

TEST_F(AgentStartTest, WithoutFilesNothingIsInForceAndAnAlarmSaysSo) {
  ASSERT_TRUE(firewall_->Start(nullptr));
  EXPECT_TRUE(HasAlarm("enforcement"));
  MustApply(PolicyOf({443}));
  EXPECT_FALSE(HasAlarm("enforcement"));
}

TEST_F(AgentStartTest, InvalidFilesAreAnErrorWithDiagnostics) {
  Sources broken = PolicyOf({443});
  broken.documents[0].text += "nonsense: 1\n";
  const auto started = firewall_->Start(Files(broken));
  ASSERT_FALSE(started);
  EXPECT_EQ(started.refusal().kind, Refusal::Kind::kInvalidPolicy);
  EXPECT_THAT(started.refusal().diagnostics, HasSubstr("unknown-key"));
  EXPECT_THAT(kernel_.calls, Contains("Remove")) << "pins that nobody needs";
}

TEST_F(AgentStartTest, EndOfARefusedStartThatWasCutShortKeepsNoOtherFromTheFiles) {
  Sources broken = PolicyOf({443});
  broken.documents[0].text += "nonsense: 1\n";
  ASSERT_FALSE(firewall_->Start(Files(broken)));
  StartAgent();  // the pins are still there, and say `detached`
  ASSERT_TRUE(firewall_->Start(Files(PolicyOf({443}))));
  EXPECT_THAT(Judging(), ElementsAre("ping", "p443"));
}

TEST_F(AgentStartTest, RefusedApplyLeavesThePinsOfAnAgentThatRuns) {
  ASSERT_TRUE(firewall_->Start(nullptr));
  Sources broken = PolicyOf({443});
  broken.documents[0].text += "nonsense: 1\n";
  EXPECT_FALSE(Apply(broken));
  EXPECT_THAT(kernel_.calls, Not(Contains("Remove")));
}

TEST_F(AgentStartTest, PinsAreBelievedAndNothingIsFlushed) {
  MustApply(PolicyOf({443}));
  const uint64_t control = kernel_.control;
  StartAgent();
  kernel_.calls.clear();
  journal_.clear();
  const auto started = firewall_->Start(Files(PolicyOf({1, 2, 3})));
  ASSERT_TRUE(started);
  EXPECT_EQ(started->result, Applied::Result::kUnchanged);
  EXPECT_EQ(started->generation, 1u);
  EXPECT_EQ(kernel_.control, control);
  EXPECT_THAT(kernel_.calls, ElementsAre("WaitForPrograms"));
  EXPECT_THAT(journal_, Contains("generation 1 judges (found in the kernel)"));
}

TEST_F(AgentStartTest, KillBetweenTheInstantAndTheConfirmationOnDiskKeepsTheNewOne) {
  MustApply(PolicyOf({443}));
  MustApply(PolicyOf({80}));
  // As if the agent had died right after the swap: nothing on the disk knows of it but the
  // candidate.
  std::filesystem::remove(folder_.path() + "/state/confirmed");
  std::filesystem::remove(folder_.path() + "/state/outcomes.json");
  StartAgent();
  ASSERT_TRUE(firewall_->Start(nullptr));
  EXPECT_EQ(JudgingNumber(), 2u);
  EXPECT_EQ(store_->confirmed(), 2u);
}

TEST_F(AgentStartTest, BootTakesTheConfirmedPolicyNotTheFiles) {
  MustApply(PolicyOf({443}));
  Reboot();
  journal_.clear();
  ASSERT_TRUE(firewall_->Start(Files(PolicyOf({80}))));
  EXPECT_THAT(Judging(), ElementsAre("ping", "p443"));
  EXPECT_EQ(JudgingNumber(), 1u);
  EXPECT_THAT(journal_, Contains("generation 1 judges (the stored one)"));
}

TEST_F(AgentStartTest, BootProtectsWhatIsThereAndHooksTheRestWhenItComes) {
  MustApply(PolicyOf({443}, "eth0, eth1"));
  kernel_.devices.erase("eth1");
  Reboot();
  ASSERT_TRUE(firewall_->Start(nullptr));
  EXPECT_THAT(Hooked(), ElementsAre("eth0"));
  EXPECT_TRUE(HasAlarm("device eth1"));
  kernel_.devices["eth1"] = 12;
  firewall_->Tick();
  EXPECT_THAT(Hooked(), ElementsAre("eth0", "eth1"));
}

TEST_F(AgentStartTest, BrokenConfirmedPolicyGivesWayToTheLastGoodOne) {
  MustApply(PolicyOf({443}));
  MustApply(PolicyOf({80}));
  const std::string sources =
      folder_.path() + "/state/sources/" + ToHex(store_->generations().at(2).fingerprint) + ".json";
  std::filesystem::resize_file(sources, 10);
  Reboot();
  ASSERT_TRUE(firewall_->Start(nullptr));
  EXPECT_THAT(Judging(), ElementsAre("ping", "p443"));
  EXPECT_THAT(alarms_->standing().at("stored policy").text,
              HasSubstr("generation 2: load generation 2: its stored files are damaged; generation "
                        "1 is in force"));
}

TEST_F(AgentStartTest, NothingStoredCanBeReadTakesTheFilesWithAnAlarm) {
  MustApply(PolicyOf({443}));
  for (const char* name : {"confirmed", "generations/1.json"})
    std::filesystem::resize_file(folder_.path() + "/state/" + name, 0);
  Reboot();
  ASSERT_TRUE(firewall_->Start(Files(PolicyOf({80}))));
  EXPECT_THAT(Judging(), ElementsAre("ping", "p80"));
  EXPECT_THAT(alarms_->standing().at("stored policy").text,
              HasSubstr("the files of --policy are in force instead"));
}

TEST_F(AgentStartTest, NothingStoredNorFilesLeavesAnAgentThatCanBeApplied) {
  MustApply(PolicyOf({443}));
  std::filesystem::resize_file(folder_.path() + "/state/confirmed", 0);
  std::filesystem::resize_file(folder_.path() + "/state/generations/1.json", 0);
  Reboot();
  ASSERT_TRUE(firewall_->Start(nullptr));
  EXPECT_TRUE(HasAlarm("stored policy"));
  EXPECT_THAT(Judging(), ElementsAre("detached"));
  MustApply(PolicyOf({80}));
  EXPECT_THAT(Judging(), ElementsAre("ping", "p80"));
}

TEST_F(AgentStartTest, LostConfirmationIsTheLastThatWasConfirmed) {
  MustApply(PolicyOf({443}));
  MustApply(PolicyOf({80}));
  std::filesystem::remove(folder_.path() + "/state/confirmed");
  Reboot();
  ASSERT_TRUE(firewall_->Start(Files(PolicyOf({443}))));
  EXPECT_THAT(Judging(), ElementsAre("ping", "p80"));
  EXPECT_THAT(alarms_->standing(), testing::Not(IsEmpty()));
}

TEST_F(AgentStartTest, JudgingGenerationThatTheDiskDoesNotKnowGoesOnJudging) {
  MustApply(PolicyOf({443, 80}, "eth0, eth1"));
  std::filesystem::remove_all(folder_.path() + "/state");
  StartAgent();
  ASSERT_TRUE(firewall_->Start(Files(PolicyOf({1}))));
  EXPECT_THAT(Judging(), ElementsAre("ping", "p443", "p80"));
  EXPECT_THAT(Hooked(), ElementsAre("eth0", "eth1"));
  EXPECT_TRUE(HasAlarm("generation 1"));
  MustApply(PolicyOf({443}));
  EXPECT_EQ(JudgingNumber(), 2u);
  EXPECT_THAT(kernel_.retired, IsEmpty());
  MustApply(PolicyOf({25}));
  EXPECT_FALSE(HasAlarm("generation 1"));
  EXPECT_THAT(kernel_.retired, ElementsAre(RuleIdentity{"ext/m/p80", Direction::kIn}));
}

}  // namespace
}  // namespace portmatrix
