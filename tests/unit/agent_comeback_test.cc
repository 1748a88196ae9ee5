// SPDX-License-Identifier: Apache-2.0
// What comes back by itself and what must not: refused candidates, broken files, and what the
// history says of it.
#include "tests/unit/agent_setup.h"

namespace portmatrix {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// The policy in force has port 443; the candidate, on trial for a minute, has 80 as well.
class AgentComebackTest : public AgentTest {
 protected:
  void SetUp() override {
    MustApply(PolicyOf({443}));
    MustApply(Candidate(), 60);
  }
  static Sources Candidate() { return PolicyOf({443, 80}); }
  // What `--watch` and SIGHUP do with the candidate's files.
  std::string ReloadCandidate() {
    const auto answer = firewall_->Reload(Candidate());
    return answer ? ToString(answer->result) : answer.refusal().text;
  }
};

constexpr char kOnlyApply[] =
    "this policy was rolled back as generation 2: only an explicit `portmatrix apply` installs it "
    "again";

TEST_F(AgentComebackTest, RestartWithTheCandidatesFilesKeepsWhatTheProgramFellBackTo) {
  KillAgent();
  clock_.Pass(60'000);
  kernel_.Packet(clock_.boot);
  StartAgent();
  ASSERT_TRUE(firewall_->Start(Files(Candidate())));
  EXPECT_THAT(Judging(), ElementsAre("ping", "p443"));
  EXPECT_EQ(store_->generations().at(2).outcome, Outcome::kRolledBack);
  EXPECT_EQ(ReloadCandidate(), kOnlyApply);
}

TEST_F(AgentComebackTest, OverdueTrialThatNoPacketEndedIsEndedByTheStart) {
  KillAgent();
  clock_.Pass(61'000);
  StartAgent();
  ASSERT_TRUE(firewall_->Start(Files(Candidate())));
  EXPECT_THAT(Judging(), ElementsAre("ping", "p443"));
  EXPECT_EQ(ReloadCandidate(), kOnlyApply);
}

TEST_F(AgentComebackTest, BootWhilePendingRefusesTheCandidatesFiles) {
  Reboot();
  ASSERT_TRUE(firewall_->Start(Files(Candidate())));
  EXPECT_THAT(Judging(), ElementsAre("ping", "p443"));
  EXPECT_EQ(store_->generations().at(2).outcome, Outcome::kRolledBack);
  EXPECT_EQ(ReloadCandidate(), kOnlyApply);
}

TEST_F(AgentComebackTest, BootAfterTheProgramFellBackWithoutAnAgentRefusesTheCandidatesFiles) {
  KillAgent();
  clock_.Pass(60'000);
  kernel_.Packet(clock_.boot);
  Reboot();
  ASSERT_TRUE(firewall_->Start(Files(Candidate())));
  EXPECT_THAT(Judging(), ElementsAre("ping", "p443"));
  EXPECT_EQ(ReloadCandidate(), kOnlyApply);
}

TEST_F(AgentComebackTest, DetachingEndsATrialUnconfirmed) {
  ASSERT_TRUE(firewall_->Detach({0, "root"}));
  EXPECT_EQ(store_->generations().at(2).outcome, Outcome::kRolledBack);
  pins_are_gone_ = true;
  MustApply(PolicyOf({25}));
  EXPECT_EQ(ReloadCandidate(), kOnlyApply);
}

TEST_F(AgentComebackTest, ExplicitApplyInstallsItAllTheSame) {
  Reboot();
  ASSERT_TRUE(firewall_->Start(nullptr));
  MustApply(Candidate());
  EXPECT_THAT(Judging(), ElementsAre("ping", "p443", "p80"));
  EXPECT_EQ(ReloadCandidate(), "unchanged");
}

TEST_F(AgentComebackTest, ConfirmWhoseSwapTookPastTheDeadlineIsTooLate) {
  // The agent hangs after its look at the clock, and no packet comes.
  kernel_.before = [&](const std::string& call) {
    if (call == "SwapControl") clock_.Pass(60'000);
  };
  const auto answer = firewall_->Confirm({0, "root"});
  kernel_.before = nullptr;
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.refusal().text, "too late: generation 2 was rolled back at its deadline");
  EXPECT_THAT(Judging(), ElementsAre("ping", "p443"));
  EXPECT_EQ(State(), PM_CONTROL_ROLLED_BACK);
  EXPECT_EQ(store_->confirmed(), 1u);
}

class AgentKilledTest : public AgentTest {};

TEST_F(AgentKilledTest, ChangeThatWasKilledBeforeItsInstantFailedAndItsFilesAreGoodAgain) {
  MustApply(PolicyOf({443}));
  // The disk as a kill right before the swap leaves it.
  StoredGeneration stored = store_->generations().at(1);
  stored.number = 2;
  stored.fingerprint = FingerprintOf(PolicyOf({80}), "n1");
  stored.outcome = Outcome::kCandidate;
  const Sources sources = PolicyOf({80});
  ASSERT_TRUE(store_->Store(stored, *store_->Draft(sources), {}));
  StartAgent();
  ASSERT_TRUE(firewall_->Start(nullptr));
  EXPECT_EQ(store_->generations().at(2).outcome, Outcome::kFailed);
  ASSERT_TRUE(firewall_->Reload(PolicyOf({80})));
  EXPECT_THAT(Judging(), ElementsAre("ping", "p80"));
}

class AgentBrokenFilesTest : public AgentTest {
 protected:
  static Sources Broken() {
    Sources sources = PolicyOf({443});
    sources.documents[0].text += "nonsense: 1\n";
    return sources;
  }
  void ExpectTheLastGoodOne() {
    EXPECT_THAT(Judging(), ElementsAre("ping", "p443"));
    ASSERT_TRUE(HasAlarm("policy files"));
    EXPECT_EQ(alarms_->standing().at("policy files").text,
              "the policy of node n1 has 1 error; generation 1 is in force, the last good one");
    EXPECT_THAT(journal_, testing::Contains(HasSubstr("unknown-key")));
  }
};

TEST_F(AgentBrokenFilesTest, RestartKeepsTheLastGoodPolicyAndSaysSo) {
  MustApply(PolicyOf({443}));
  StartAgent();
  ASSERT_TRUE(firewall_->Start(Files(Broken())));
  ExpectTheLastGoodOne();
  MustApply(PolicyOf({80}));
  EXPECT_FALSE(HasAlarm("policy files"));
}

TEST_F(AgentBrokenFilesTest, BootUsesTheLastGoodPolicyAndSaysSo) {
  MustApply(PolicyOf({443}));
  Reboot();
  ASSERT_TRUE(firewall_->Start(Files(Broken())));
  ExpectTheLastGoodOne();
}

TEST_F(AgentBrokenFilesTest, SoundFilesThatDifferAreNoAlarm) {
  MustApply(PolicyOf({443}));
  Reboot();
  ASSERT_TRUE(firewall_->Start(Files(PolicyOf({80}))));
  EXPECT_THAT(alarms_->standing(), IsEmpty());
}

class AgentChangesTest : public AgentTest {};

TEST_F(AgentChangesTest, HistoryKnowsWhatChangedAndWhere) {
  MustApply(PolicyOf({443, 80}));
  Sources next = PolicyOf({443, 25});
  std::string& text = next.documents[0].text;
  text.replace(text.find("ports: 443"), 10, "ports: 444");
  MustApply(next, 60);
  StartAgent();  // as the disk has it
  const StoredGeneration& stored = store_->generations().at(2);
  EXPECT_EQ(stored.trial_seconds, 60u);
  EXPECT_EQ(stored.author.user, "mara");
  EXPECT_EQ(stored.changes.added, 1u);
  EXPECT_EQ(stored.changes.removed, 1u);
  EXPECT_EQ(stored.changes.changed, 1u);
  EXPECT_FALSE(stored.changes.reordered);
  std::vector<std::string> lines;
  for (const StoredChanges::Line& line : stored.changes.lines)
    lines.push_back(line.change + " " + line.rule + " " + line.place);
  EXPECT_THAT(lines, ElementsAre("removed ext/m/p80 in policy/p.yaml:5",
                                 "added ext/m/p25 in policy/p.yaml:5",
                                 "changed ext/m/p443 in policy/p.yaml:4"));
}

TEST_F(AgentChangesTest, LongListsAreCountedAndCut) {
  std::vector<int> ports;
  for (int port = 1; port <= 200; ++port) ports.push_back(port);
  MustApply(PolicyOf(ports));
  const StoredChanges& changes = store_->generations().at(1).changes;
  EXPECT_EQ(changes.added, 201u);
  EXPECT_EQ(changes.lines.size(), StoredChanges::kMaxLines);
}

}  // namespace
}  // namespace portmatrix
