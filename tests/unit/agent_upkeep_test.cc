// SPDX-License-Identifier: Apache-2.0
// What the agent takes up when it starts, and looks after while it runs: devices, expiries,
// detachment.
#include "tests/unit/agent_setup.h"

namespace portmatrix {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Firewall::ReadFiles Files(Sources sources) {
  return [sources]() -> Answer<Sources> { return sources; };
}

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
}

TEST_F(AgentStartTest, PinsAreBelievedAndNothingIsFlushed) {
  MustApply(PolicyOf({443}));
  const uint64_t control = kernel_.control;
  StartAgent();
  kernel_.calls.clear();
  const auto started = firewall_->Start(Files(PolicyOf({1, 2, 3})));
  ASSERT_TRUE(started);
  EXPECT_EQ(started->result, Applied::Result::kUnchanged);
  EXPECT_EQ(started->generation, 1u);
  EXPECT_EQ(kernel_.control, control);
  EXPECT_THAT(kernel_.calls, ElementsAre("WaitForPrograms"));
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
  ASSERT_TRUE(firewall_->Start(Files(PolicyOf({80}))));
  EXPECT_THAT(Judging(), ElementsAre("ping", "p443"));
  EXPECT_EQ(JudgingNumber(), 1u);
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

class AgentDeviceTest : public AgentTest {};

TEST_F(AgentDeviceTest, HookThatSomebodyTookAwayComesBackWithAGap) {
  MustApply(PolicyOf({443}));
  firewall_->Tick();
  clock_.Pass(5'000);
  kernel_.attachments["eth0"].ifindex = 77;
  firewall_->Tick();
  EXPECT_EQ(kernel_.attachments.at("eth0").ifindex, 2u);
  EXPECT_FALSE(HasAlarm("device eth0"));
  const auto& gaps = enforcement_->protection().gaps();
  ASSERT_EQ(gaps.size(), 1u);
  EXPECT_EQ(gaps[0].device, "eth0");
  EXPECT_EQ(*gaps[0].until - gaps[0].from, 5'000'000'000);
}

TEST_F(AgentDeviceTest, DeviceThatVanishesIsAnAlarmUntilItIsBack) {
  MustApply(PolicyOf({443}));
  kernel_.devices.erase("eth0");
  firewall_->Tick();
  ASSERT_TRUE(HasAlarm("device eth0"));
  EXPECT_FALSE(enforcement_->protection().gaps().back().until);
  clock_.Pass(60'000);
  kernel_.devices["eth0"] = 8;
  firewall_->Tick();
  EXPECT_FALSE(HasAlarm("device eth0"));
  EXPECT_TRUE(enforcement_->protection().gaps().back().until);
}

TEST_F(AgentDeviceTest, RenamedDeviceIsAnAlarmWithoutAGap) {
  MustApply(PolicyOf({443}));
  kernel_.devices = {{"wan0", 2}};
  kernel_.renamed = {{"eth0", "wan0"}};
  firewall_->Tick();
  EXPECT_THAT(alarms_->standing().at("device eth0").text, HasSubstr("it is called wan0 now"));
  EXPECT_TRUE(enforcement_->protection().gaps().empty());
  EXPECT_THAT(Hooked(), ElementsAre("eth0"));
  // Another device takes the name: that one is hooked.
  kernel_.devices["eth0"] = 9;
  firewall_->Tick();
  EXPECT_EQ(kernel_.attachments.at("eth0").ifindex, 9u);
}

TEST_F(AgentDeviceTest, GenericModeIsAllowedOnlyWherePolicySaysSo) {
  Sources generic = PolicyOf({443});
  std::string& text = generic.documents[0].text;
  text.replace(text.find("local: me"), 9, "xdp: generic, local: me");
  MustApply(generic);
  EXPECT_EQ(kernel_.attachments.at("eth0").xdp, PM_XDP_GENERIC);
  EXPECT_FALSE(HasAlarm("device eth0 mode"));
}

TEST_F(AgentDeviceTest, DeviceThatTakesTagsOutOfFramesIsAnAlarmWithoutAGap) {
  kernel_.takes_tags_out = {"eth0"};
  MustApply(PolicyOf({443}));
  firewall_->Tick();
  EXPECT_EQ(alarms_->standing().at("device eth0 tags").text,
            "turn receive VLAN offload off on eth0: Operation not supported: tagged frames are judged "
            "as untagged ones");
  EXPECT_FALSE(HasAlarm("device eth0"));
  EXPECT_TRUE(enforcement_->protection().gaps().empty());
  kernel_.takes_tags_out.clear();
  firewall_->Tick();
  EXPECT_FALSE(HasAlarm("device eth0 tags"));
}

TEST_F(AgentDeviceTest, AnothersProgramBeforeOursIsOvertakenAndCountsAsAGap) {
  MustApply(PolicyOf({443}));
  firewall_->Tick();
  clock_.Pass(40);
  kernel_.overtaken["eth0"] = "cilium";
  EXPECT_TRUE(enforcement_->Glance());
  firewall_->Tick();
  EXPECT_FALSE(enforcement_->Glance());
  EXPECT_FALSE(HasAlarm("device eth0"));
  ASSERT_EQ(enforcement_->protection().gaps().size(), 1u);
  EXPECT_EQ(enforcement_->protection().gaps()[0].milliseconds, 40u);
}

TEST_F(AgentDeviceTest, OneWhoFightsForTheHookIsAnAlarmAndAnsweredFiveTimesInTenSeconds) {
  MustApply(PolicyOf({443}));
  size_t answered = 0;
  for (uint64_t milliseconds = 0; milliseconds < 10'000; milliseconds += 40) {
    kernel_.overtaken["eth0"] = "cilium";
    if (enforcement_->Glance()) firewall_->Tick();
    answered += kernel_.overtaken.empty() ? 1 : 0;
    clock_.Pass(40);
  }
  EXPECT_EQ(answered, kMostRepairs);
  EXPECT_THAT(alarms_->standing().at("device eth0").text, HasSubstr("cilium is first"));
  EXPECT_THAT(enforcement_->protection().unprotected(), ElementsAre("eth0"));
  clock_.Pass(10'000);
  firewall_->Tick();
  EXPECT_FALSE(HasAlarm("device eth0"));
}

TEST_F(AgentDeviceTest, MadeAnewAgainAndAgainIsHookedEachTime) {
  MustApply(PolicyOf({443}));
  for (uint32_t index = 100; index < 100 + 4 * kMostRepairs; ++index) {
    kernel_.devices["eth0"] = index;
    EXPECT_TRUE(enforcement_->Glance());
    firewall_->Tick();
    EXPECT_EQ(kernel_.attachments["eth0"].ifindex, index);
    EXPECT_FALSE(HasAlarm("device eth0"));
    clock_.Pass(40);
  }
}

TEST_F(AgentDeviceTest, DeletedPinsComeBackWithAnAlarm) {
  MustApply(PolicyOf({443}));
  kernel_.lost_pins = {"maps/names", "programs/xdp"};
  enforcement_->Glance();
  EXPECT_THAT(alarms_->standing().at("pins").text, HasSubstr("put back: maps/names, programs/xdp"));
  enforcement_->Glance();
  EXPECT_FALSE(HasAlarm("pins"));
}

TEST_F(AgentDeviceTest, HeldHookIsTriedAtEveryGlanceAndTheHolderNamed) {
  MustApply(PolicyOf({443}));
  kernel_.attachments["eth0"].ifindex = 77;
  kernel_.held = {"eth0"};
  firewall_->Tick();
  EXPECT_THAT(alarms_->standing().at("device eth0").text, HasSubstr("held by program id 41"));
  kernel_.held.clear();
  EXPECT_TRUE(enforcement_->Glance());
  firewall_->Tick();
  EXPECT_FALSE(HasAlarm("device eth0"));
}

TEST_F(AgentDeviceTest, GlanceSeesWhatTheProgramOrTheCommandDidToTheControlWord) {
  MustApply(PolicyOf({443}));
  MustApply(PolicyOf({80}), 60);
  firewall_->Tick();
  EXPECT_FALSE(enforcement_->Glance());
  clock_.Pass(61'000);
  kernel_.Packet(clock_.boot);
  EXPECT_TRUE(enforcement_->Glance());
  firewall_->Tick();
  EXPECT_TRUE(HasAlarm("trial"));
  EXPECT_FALSE(enforcement_->Glance());
}

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
