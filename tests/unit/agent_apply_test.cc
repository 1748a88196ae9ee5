// SPDX-License-Identifier: Apache-2.0
// Applying a policy: the happy way, the gates, and that a failure at any single step leaves the old
// generation judging.
#include <algorithm>
#include <filesystem>
#include <iterator>

#include "tests/unit/agent_setup.h"

namespace portmatrix {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

class AgentApplyTest : public AgentTest {
 protected:
  ptrdiff_t StoredSources() const {
    return std::distance(std::filesystem::directory_iterator(folder_.path() + "/state/sources"),
                         {});
  }
};

TEST_F(AgentApplyTest, FirstPolicyJudgesAndIsConfirmed) {
  const auto applied = Apply(PolicyOf({443}));
  ASSERT_TRUE(applied) << applied.refusal().diagnostics;
  EXPECT_EQ(applied->result, Applied::Result::kInstalled);
  EXPECT_EQ(applied->generation, 1u);
  EXPECT_THAT(applied->changes.added, ElementsAre("ext/m/ping in", "ext/m/p443 in"));
  EXPECT_THAT(Judging(), ElementsAre("ping", "p443"));
  EXPECT_EQ(State(), PM_CONTROL_SETTLED);
  EXPECT_THAT(Hooked(), ElementsAre("eth0"));
  EXPECT_EQ(store_->confirmed(), 1u);
  EXPECT_EQ(store_->generations().at(1).author.user, "mara");
  EXPECT_THAT(alarms_->standing(), IsEmpty());
}

TEST_F(AgentApplyTest, HooksNewDevicesBeforeTheInstantAndReleasesOldOnesAfterIt) {
  MustApply(PolicyOf({443}));
  kernel_.calls.clear();
  MustApply(PolicyOf({443}, "eth1"));
  const auto position = [&](const std::string& call) {
    return std::ranges::find(kernel_.calls, call) - kernel_.calls.begin();
  };
  EXPECT_LT(position("Attach eth1"), position("SwapControl"));
  EXPECT_LT(position("SwapControl"), position("WaitForPrograms"));
  EXPECT_LT(position("WaitForPrograms"), position("Detach eth0"));
  EXPECT_THAT(Hooked(), ElementsAre("eth1"));
}

TEST_F(AgentApplyTest, FirstPolicyWaitsForNobodyBeforeItsInstant) {
  MustApply(PolicyOf({443}));
  const auto waited = std::ranges::find(kernel_.calls, "WaitForPrograms");
  const auto swapped = std::ranges::find(kernel_.calls, "SwapControl");
  EXPECT_LT(swapped - kernel_.calls.begin(), waited - kernel_.calls.begin());
  EXPECT_NE(swapped, kernel_.calls.end());
}

TEST_F(AgentApplyTest, SamePolicyIsUnchanged) {
  MustApply(PolicyOf({443}));
  kernel_.calls.clear();
  const auto again = Apply(PolicyOf({443}));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->result, Applied::Result::kUnchanged);
  EXPECT_EQ(again->generation, 1u);
  EXPECT_THAT(kernel_.calls, IsEmpty());
}

TEST_F(AgentApplyTest, InvalidPolicyTouchesNothing) {
  MustApply(PolicyOf({443}));
  const uint64_t control = kernel_.control;
  kernel_.calls.clear();
  Sources broken = PolicyOf({443});
  broken.documents[0].text += "nonsense: 1\n";
  const auto refused = Apply(broken);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.refusal().kind, Refusal::Kind::kInvalidPolicy);
  EXPECT_THAT(refused.refusal().diagnostics, HasSubstr("policy/p.yaml:"));
  EXPECT_THAT(kernel_.calls, IsEmpty());
  EXPECT_EQ(kernel_.control, control);
  EXPECT_EQ(StoredSources(), 1);
}

TEST_F(AgentApplyTest, CandidateThatTheDiskRefusesTouchesNothing) {
  MustApply(PolicyOf({443}));
  const uint64_t control = kernel_.control;
  const std::string in_the_way = folder_.path() + "/state/sources/.unfinished-draft";
  std::filesystem::create_directory(in_the_way);
  const auto refused = Apply(PolicyOf({80}));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.refusal().text, HasSubstr("create " + in_the_way));
  EXPECT_EQ(kernel_.control, control);
  EXPECT_THAT(Judging(), ElementsAre("ping", "p443"));
}

TEST_F(AgentApplyTest, FailedExpectationRefusesUnlessForced) {
  Sources sources = PolicyOf({443});
  sources.documents[0].text +=
      "expect:\n  - {interface: ext, from: 198.51.100.1, to: 192.0.2.1, protocol: tcp, port: 80, "
      "verdict: allow}\n";
  const auto refused = Apply(sources);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.refusal().kind, Refusal::Kind::kRefused);
  EXPECT_THAT(refused.refusal().text, StartsWith("1 expectation failed"));
  EXPECT_TRUE(kernel_.calls.empty());
  const auto forced = Apply(sources, std::nullopt, true);
  ASSERT_TRUE(forced);
  EXPECT_THAT(forced->warnings, HasSubstr("expectation-failed"));
}

TEST_F(AgentApplyTest, AnExpectationOfARegionRefusesWithAPacket) {
  Sources sources = PolicyOf({443});
  sources.documents[0].text +=
      "expect:\n  - {interface: ext, from: any, to: 192.0.2.1, protocol: tcp, except: {ports: 22}, "
      "verdict: drop}\n";
  const auto refused = Apply(sources);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.refusal().kind, Refusal::Kind::kRefused);
  EXPECT_THAT(refused.refusal().text, StartsWith("1 expectation failed"));
  EXPECT_THAT(refused.refusal().diagnostics,
              HasSubstr("expected drop for every packet, got allow"));
  EXPECT_THAT(refused.refusal().diagnostics, HasSubstr(" > 192.0.2.1:443, in\n"));
  EXPECT_TRUE(kernel_.calls.empty());
}

TEST_F(AgentApplyTest, DryRunTouchesNothing) {
  MustApply(PolicyOf({443, 80}));
  kernel_.calls.clear();
  ApplyOrder order;
  order.sources = PolicyOf({443, 25});
  order.dry_run = true;
  const auto dry = firewall_->Apply(order);
  ASSERT_TRUE(dry);
  EXPECT_EQ(dry->result, Applied::Result::kDryRun);
  EXPECT_THAT(dry->changes.added, ElementsAre("ext/m/p25 in"));
  EXPECT_THAT(dry->changes.removed, ElementsAre("ext/m/p80 in"));
  EXPECT_THAT(kernel_.calls, IsEmpty());
  EXPECT_EQ(store_->generations().size(), 1u);
}

TEST_F(AgentApplyTest, MissingDeviceIsRefusedByNameAndForcedWithAnAlarm) {
  const auto refused = Apply(PolicyOf({443}, "eth0, eth9"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.refusal().text, "attach to eth9: No such device");
  EXPECT_THAT(Hooked(), IsEmpty());
  EXPECT_EQ(kernel_.control, 0u);
  EXPECT_EQ(store_->generations().at(1).outcome, Outcome::kFailed);
  const auto forced = Apply(PolicyOf({443}, "eth0, eth9"), std::nullopt, true);
  ASSERT_TRUE(forced);
  EXPECT_THAT(forced->alarms,
              ElementsAre("device eth9: not protected: attach to eth9: No such device"));
  EXPECT_THAT(Hooked(), ElementsAre("eth0"));
  EXPECT_TRUE(HasAlarm("device eth9"));
}

TEST_F(AgentApplyTest, ForeignXdpProgramIsNamed) {
  kernel_.held = {"eth0"};
  const auto refused = Apply(PolicyOf({443}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.refusal().text,
            "attach xdp to eth0: Device or resource busy (held by program id 41)");
}

TEST_F(AgentApplyTest, DeviceThatVanishedDoesNotBlockChangesOfItsPolicy) {
  MustApply(PolicyOf({443}, "eth0, eth1"));
  kernel_.devices.erase("eth1");
  MustApply(PolicyOf({443, 80}, "eth0, eth1"));
  EXPECT_TRUE(HasAlarm("device eth1"));
  kernel_.devices["eth1"] = 9;
  firewall_->Tick();
  EXPECT_FALSE(HasAlarm("device eth1"));
  EXPECT_EQ(kernel_.attachments.at("eth1").ifindex, 9u);
}

TEST_F(AgentApplyTest, TooManyRulesAreRefusedBeforeTheKernelIsTouched) {
  kernel_.limits.rules = 2;
  const auto refused = Apply(PolicyOf({443, 80}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.refusal().kind, Refusal::Kind::kInvalidPolicy);
  EXPECT_THAT(refused.refusal().text, HasSubstr("room for 2 rules"));
  EXPECT_THAT(kernel_.calls, Not(Contains(StartsWith("Install"))));
}

TEST_F(AgentApplyTest, RulesThatNoRetainedGenerationNamesAreRetired) {
  MustApply(PolicyOf({443, 80}));
  MustApply(PolicyOf({443}));
  EXPECT_THAT(kernel_.retired, IsEmpty()) << "the previous generation names p80";
  MustApply(PolicyOf({443, 25}));
  ASSERT_EQ(kernel_.retired.size(), 1u);
  EXPECT_EQ(kernel_.retired[0].key, "ext/m/p80");
}

TEST_F(AgentApplyTest, RulesKeepTheirNumbersOverChanges) {
  MustApply(PolicyOf({443, 80}));
  const Numbering before = kernel_.numbering;
  MustApply(PolicyOf({80, 25, 443}));
  for (const auto& [rule, number] : before.rules)
    EXPECT_EQ(kernel_.numbering.rules.at(rule), number);
}

// One failure at each step of a change, before or after its effect.

class AgentFailureTest : public AgentTest, public testing::WithParamInterface<bool> {};

TEST_P(AgentFailureTest, AtEveryStepLeavesTheOldOrTheNewGenerationWhole) {
  MustApply(PolicyOf({443}));
  const Sources next = PolicyOf({443, 80}, "eth0, eth1");
  int refused = 0;
  for (int call = 1;; ++call) {
    const uint64_t control = kernel_.control;
    const auto hooked = Hooked();
    kernel_.fail_at = call;
    kernel_.fails_late = GetParam();
    const auto applied = Apply(next);
    const bool reached = kernel_.fail_at == 0;
    kernel_.fail_at = 0;
    if (!applied) {
      ++refused;
      EXPECT_EQ(applied.refusal().kind, Refusal::Kind::kRuntime) << "call " << call;
      EXPECT_EQ(kernel_.control, control) << "call " << call << ": " << applied.refusal().text;
      EXPECT_EQ(Hooked(), hooked) << "call " << call << ": " << applied.refusal().text;
      EXPECT_EQ(store_->confirmed(), JudgingNumber()) << "call " << call;
      continue;
    }
    // The change has happened, so a failure was after the instant: the next look at things makes up
    // for it.
    EXPECT_THAT(Judging(), ElementsAre("ping", "p443", "p80")) << "call " << call;
    firewall_->Tick();
    EXPECT_EQ(store_->confirmed(), JudgingNumber());
    EXPECT_THAT(alarms_->standing(), IsEmpty()) << "call " << call;
    EXPECT_THAT(Hooked(), ElementsAre("eth0", "eth1"));
    if (!reached) break;
    MustApply(PolicyOf({443}));
  }
  EXPECT_GE(refused, 5);
}

INSTANTIATE_TEST_SUITE_P(BeforeAndAfterItsEffect, AgentFailureTest, testing::Bool());

}  // namespace
}  // namespace portmatrix
