// SPDX-License-Identifier: Apache-2.0
// The state directory: what was stored is there again, what is damaged is told and passed over; and
// fingerprints.
#include <filesystem>
#include <fstream>

#include "tests/unit/agent_setup.h"

namespace portmatrix {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class AgentStateTest : public testing::Test {
 protected:
  AgentStateTest() { Open(); }
  void Open() {
    store_.reset();
    auto opened = StateDirectory::Open(path());
    ASSERT_TRUE(opened) << opened.error().Text();
    store_ = std::move(*opened);
  }
  std::string path() const { return folder_.path() + "/state"; }
  void Store(uint64_t number, const Sources& sources) {
    StoredGeneration generation;
    generation.number = number;
    generation.node = "n1";
    generation.fingerprint = FingerprintOf(sources, "n1");
    generation.stored_at = 1'790'000'000'000'000'000;
    generation.author = {1000, "mara"};
    generation.note = "apply";
    generation.files = {"policy/p.yaml"};
    const auto done = store_->Store(generation, *store_->Draft(sources), {});
    ASSERT_TRUE(done) << done.error().Text();
  }
  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(path() + "/" + name) << text;
  }
  std::vector<uint64_t> Numbers() const {
    std::vector<uint64_t> numbers;
    for (const auto& [number, generation] : store_->generations()) numbers.push_back(number);
    return numbers;
  }
  size_t Files(const char* folder) const {
    size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(path() + "/" + folder))
      files += entry.exists();
    return files;
  }

  TemporaryFolder folder_;
  std::unique_ptr<StateDirectory> store_;
};

TEST_F(AgentStateTest, WhatWasStoredIsThereAgain) {
  Store(1, PolicyOf({443}));
  ASSERT_TRUE(store_->Confirm(1));
  Store(2, PolicyOf({80}));
  ASSERT_TRUE(store_->Conclude(2, Outcome::kRolledBack));
  Open();
  EXPECT_THAT(store_->complaints(), IsEmpty());
  EXPECT_THAT(Numbers(), ElementsAre(1, 2));
  EXPECT_EQ(store_->confirmed(), 1u);
  const StoredGeneration& second = store_->generations().at(2);
  EXPECT_EQ(second.outcome, Outcome::kRolledBack);
  EXPECT_EQ(second.author.uid, 1000u);
  EXPECT_EQ(second.author.user, "mara");
  EXPECT_EQ(second.stored_at, 1'790'000'000'000'000'000);
  EXPECT_EQ(second.note, "apply");
  EXPECT_THAT(second.files, ElementsAre("policy/p.yaml"));
  const auto sources = store_->LoadSources(2);
  ASSERT_TRUE(sources);
  EXPECT_EQ(sources->documents[0].text, PolicyOf({80}).documents[0].text);
}

TEST_F(AgentStateTest, IsTheOwnersAlone) {
  const std::string path = folder_.path() + "/above/state/";
  ASSERT_TRUE(StateDirectory::Open(path));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path))
    EXPECT_EQ(entry.status().permissions() & std::filesystem::perms(077),
              std::filesystem::perms::none)
        << entry.path();
  EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms::owner_all);
}

TEST_F(AgentStateTest, OneAgentAtATime) {
  const auto second = StateDirectory::Open(path());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, EWOULDBLOCK);
  EXPECT_THAT(second.error().Text(), HasSubstr("another portmatrixd uses it"));
}

TEST_F(AgentStateTest, KeepsTheLast32AndWhatIsNeeded) {
  Store(1, PolicyOf({1}));
  ASSERT_TRUE(store_->Confirm(1));
  for (int number = 2; number <= 40; ++number)
    Store(static_cast<uint64_t>(number), PolicyOf({number}));
  EXPECT_THAT(store_->generations(), SizeIs(kKeptGenerations));
  EXPECT_TRUE(store_->generations().contains(1)) << "it is the confirmed one";
  EXPECT_FALSE(store_->generations().contains(9));
  EXPECT_TRUE(store_->generations().contains(10));
  EXPECT_EQ(Files("generations"), kKeptGenerations);
  EXPECT_EQ(Files("sources"), kKeptGenerations);
  Open();
  EXPECT_THAT(store_->generations(), SizeIs(kKeptGenerations));
}

TEST_F(AgentStateTest, EqualPoliciesShareTheirFiles) {
  Store(1, PolicyOf({443}));
  Store(2, PolicyOf({443}));
  EXPECT_EQ(Files("sources"), 1u);
  EXPECT_TRUE(store_->LoadSources(1));
}

TEST_F(AgentStateTest, NumbersOfDamagedGenerationsAreNotGivenAgain) {
  Store(1, PolicyOf({443}));
  Write("generations/7.json", "{");
  Open();
  EXPECT_EQ(store_->highest_number(), 7u);
}

struct Damage {
  const char* name;
  std::string file;
  std::string text;
  std::string complaint;
};

TEST_F(AgentStateTest, DamageIsToldAndPassedOver) {
  const Damage rows[] = {
      {"empty generation", "generations/2.json", "",
       "generations/2.json is damaged and was passed over"},
      {"half a generation", "generations/2.json", R"({"number": 2, "node)", "2.json is damaged"},
      {"another number", "generations/2.json",
       R"({"number":3,"node":"n1","fingerprint":")" + std::string(64, '0') +
           R"(","stored_at":0,"uid":null,"user":"","note":"","files":[]})",
       "2.json is damaged"},
      {"a text as number", "confirmed", "one",
       "confirmed is damaged: taking generation 1, the last that was confirmed"},
      {"outcomes", "outcomes.json", "[", "outcomes.json is damaged"},
  };
  for (const Damage& row : rows) {
    std::filesystem::remove_all(path());
    Open();
    Store(1, PolicyOf({443}));
    ASSERT_TRUE(store_->Confirm(1));
    Store(2, PolicyOf({80}));
    Write(row.file, row.text);
    Open();
    ASSERT_THAT(store_->complaints(), SizeIs(1)) << row.name;
    EXPECT_THAT(store_->complaints()[0], HasSubstr(row.complaint)) << row.name;
    EXPECT_EQ(store_->confirmed(), 1u) << row.name;
    EXPECT_TRUE(store_->LoadSources(1)) << row.name;
  }
}

TEST_F(AgentStateTest, FilesThatDoNotMatchTheirFingerprintAreRefused) {
  Store(1, PolicyOf({443}));
  const std::string name = "sources/" + ToHex(store_->generations().at(1).fingerprint) + ".json";
  std::string text = R"({"documents":[{"path":"p","root":"p","text":"other"}],"lists":[]})";
  Write(name, text);
  EXPECT_EQ(store_->LoadSources(1).error().Text(),
            "load generation 1: its stored files do not match its fingerprint");
  Write(name, "{");
  EXPECT_EQ(store_->LoadSources(1).error().Text(),
            "load generation 1: its stored files are damaged");
}

TEST_F(AgentStateTest, UnfinishedFilesAreRemoved) {
  Write("generations/.unfinished-9.json", "{");
  Write(".unfinished-confirmed", "9");
  Open();
  EXPECT_THAT(store_->complaints(), IsEmpty());
  EXPECT_EQ(Files("generations"), 0u);
  EXPECT_FALSE(store_->confirmed());
}

TEST_F(AgentStateTest, DraftThatIsDroppedLeavesNothing) {
  Store(1, PolicyOf({443}));
  const Sources other = PolicyOf({80});
  {
    const auto draft = store_->Draft(other);
    ASSERT_TRUE(draft->Finish());
    EXPECT_EQ(Files("sources"), 2u);
  }
  EXPECT_EQ(Files("sources"), 1u);
}

TEST_F(AgentStateTest, DraftThatTheDiskRefusesIsNoGeneration) {
  const Sources sources = PolicyOf({443});
  StoredGeneration generation;
  generation.number = 1;
  generation.fingerprint = FingerprintOf(sources, "n1");
  std::filesystem::create_directory(path() + "/sources/.unfinished-draft");
  const auto done = store_->Store(generation, *store_->Draft(sources), {});
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().Text(), HasSubstr("create"));
  EXPECT_THAT(Numbers(), IsEmpty());
  EXPECT_EQ(Files("generations"), 0u);
}

TEST_F(AgentStateTest, DetachedIsRemembered) {
  ASSERT_TRUE(store_->SetDetached(true));
  Open();
  EXPECT_TRUE(store_->detached());
  ASSERT_TRUE(store_->SetDetached(false));
  Open();
  EXPECT_FALSE(store_->detached());
}

TEST(AgentFingerprintTest, TellsApartWhatDiffersAndNothingElse) {
  const Sources policy{{{"a/x.yaml", "a", "one"}, {"a/y.yaml", "a", "two"}},
                       {{"a/l.txt", "a", "list"}}};
  const Fingerprint fingerprint = FingerprintOf(policy, "n1");
  Sources moved = policy;
  for (auto* files : {&moved.documents, &moved.lists})
    for (SourceFile& file : *files) {
      file.path = "/etc/elsewhere/" + file.path;
      file.root = "/etc/elsewhere/a";
    }
  EXPECT_EQ(FingerprintOf(moved, "n1"), fingerprint) << "where the tree lies does not matter";

  EXPECT_NE(FingerprintOf(policy, "n2"), fingerprint);
  Sources other = policy;
  other.documents[0].text = "onet";
  other.documents[1].text = "wo";
  EXPECT_NE(FingerprintOf(other, "n1"), fingerprint) << "text moved from one file to the next";
  other = policy;
  other.documents[0].path = "a/z.yaml";
  EXPECT_NE(FingerprintOf(other, "n1"), fingerprint);
  other = policy;
  other.documents.push_back(other.lists[0]);
  other.lists.clear();
  EXPECT_NE(FingerprintOf(other, "n1"), fingerprint);
}

TEST(AgentFingerprintTest, HexAndBack) {
  const Fingerprint fingerprint = FingerprintOf({}, "n1");
  EXPECT_EQ(FingerprintFromHex(ToHex(fingerprint)), fingerprint);
  EXPECT_FALSE(FingerprintFromHex(ToHex(fingerprint).substr(1)));
  EXPECT_FALSE(FingerprintFromHex(std::string(64, 'G')));
}

}  // namespace
}  // namespace portmatrix
