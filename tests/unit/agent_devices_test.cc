// SPDX-License-Identifier: Apache-2.0
// Devices and their hooks under an agent that runs: what vanishes, changes its name, is taken away
// or overtaken, and comes back.
#include "tests/unit/agent_setup.h"

namespace portmatrix {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

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
  EXPECT_EQ(
      alarms_->standing().at("device eth0 tags").text,
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

}  // namespace
}  // namespace portmatrix
