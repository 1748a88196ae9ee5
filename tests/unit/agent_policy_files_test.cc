// SPDX-License-Identifier: Apache-2.0
// Files that somebody has open for writing: whether they are taken, and what is said of them.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "agent/policy_files.h"
#include "tests/unit/agent_setup.h"

namespace portmatrix {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class PolicyFilesTest : public testing::Test {
 protected:
  PolicyFilesTest() {
    std::ofstream(path_) << "matrix: m\n";
    std::signal(SIGIO, SIG_IGN);
  }

  PolicyFiles ReadBeside(int flags, Writers writers) {
    const int other = open(path_.c_str(), flags | O_CLOEXEC);
    PolicyFiles files = ReadPolicyFiles({path_}, writers);
    close(other);
    return files;
  }

  TemporaryFolder folder_;
  const std::string path_ = folder_.path() + "/policy.yaml";
};

TEST_F(PolicyFilesTest, FileThatSomebodyHasOpen) {
  struct Row {
    const char* name;
    int flags;
    Writers writers;
    bool taken;
  };
  const Row rows[] = {
      {"for reading", O_RDONLY, Writers::kRefuse, true},
      {"for writing", O_WRONLY, Writers::kRefuse, false},
      {"for both", O_RDWR, Writers::kRefuse, false},
      {"for appending", O_WRONLY | O_APPEND, Writers::kRefuse, false},
      {"for writing, and nobody minds", O_WRONLY, Writers::kTakeAsItIs, true},
  };
  for (const Row& row : rows) {
    const PolicyFiles files = ReadBeside(row.flags, row.writers);
    EXPECT_EQ(files.being_written, !row.taken) << row.name;
    EXPECT_THAT(files.sources.documents, SizeIs(row.taken ? 1 : 0)) << row.name;
    if (row.taken) continue;
    EXPECT_THAT(files.errors, ElementsAre("read " + path_ + ": somebody is writing it"));
  }
}

TEST(PolicyFilesNoneTest, IsAFolderThatHoldsNoPolicy) {
  const TemporaryFolder owner;
  const std::string& folder = owner.path();
  const PolicyFiles none = ReadPolicyFiles({folder});
  EXPECT_TRUE(none.none);
  EXPECT_THAT(none.errors, ElementsAre("read " + folder + ": no *.yaml file in this directory"));
  EXPECT_FALSE(ReadPolicyFiles({folder + "/missing"}).none);
  EXPECT_FALSE(ReadPolicyFiles({folder, folder + "/missing"}).none);
  std::ofstream(folder + "/p.yaml") << "matrix: m\n";
  EXPECT_FALSE(ReadPolicyFiles({folder}).none);
}

TEST_F(PolicyFilesTest, ReadAgainOnceItIsClosed) {
  EXPECT_TRUE(ReadBeside(O_WRONLY, Writers::kRefuse).being_written);
  const PolicyFiles files = ReadPolicyFiles({path_}, Writers::kRefuse);
  EXPECT_THAT(files.errors, IsEmpty());
  EXPECT_FALSE(files.being_written);
}

TEST_F(PolicyFilesTest, NoLeaseIsLeftBehind) {
  ASSERT_THAT(ReadPolicyFiles({path_}, Writers::kRefuse).errors, IsEmpty());
  // O_NONBLOCK: to open what another holds a lease of fails instead of waiting.
  const int writer = open(path_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  EXPECT_GE(writer, 0);
  close(writer);
}

}  // namespace
}  // namespace portmatrix
