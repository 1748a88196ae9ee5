// SPDX-License-Identifier: Apache-2.0
// The send hook of kernels before 6.6: a filter of clsact that anyone with CAP_NET_ADMIN can delete
// or stand before, and that is therefore looked at again and again. Newer kernels have it too, so
// every kernel runs these.
#include "agent/datapath/clsact.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>

#include <array>
#include <cstdlib>

#include "agent/datapath/file_descriptor.h"
#include "tests/kernel/privilege.h"

namespace portmatrix {
namespace {

constexpr const char* kDevice = "pmt0";
constexpr uint32_t kTheirHandle = 77;

// A program that lets everything pass; ours are named pm_tc.
struct Program {
  explicit Program(const char* name) {
    const std::array<bpf_insn, 2> pass{bpf_insn{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0},
                                       bpf_insn{BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
    fd = FileDescriptor(
        bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, name, "GPL", pass.data(), pass.size(), nullptr));
    bpf_prog_info loaded{};
    uint32_t size = sizeof loaded;
    if (fd.valid() && bpf_obj_get_info_by_fd(fd.get(), &loaded, &size) == 0) id = loaded.id;
  }
  FileDescriptor fd;
  uint32_t id = 0;
};

class ClsactTest : public testing::Test {
 protected:
  void SetUp() override {
    NEEDS_KERNEL();
    ASSERT_EQ(unshare(CLONE_NEWNET), 0);
    ASSERT_TRUE(Shell("ip link add pmt0 type veth peer name pmt1 && ip link set pmt0 up"));
    ifindex_ = if_nametoindex(kDevice);
    ASSERT_NE(ours_.id, 0u);
    ASSERT_NE(theirs_.id, 0u);
  }

  static bool Shell(const char* command) { return std::system(command) == 0; }

  bool Hook(const Program& program) {
    const auto hooked = HookClsact(kDevice, ifindex_, program.fd.get(), program.id);
    EXPECT_TRUE(hooked.ok()) << hooked.error().Text();
    return hooked.ok();
  }
  // What a look says of the filter; empty: it is there, and first.
  std::string Look(const Program& program) const {
    const auto found = CheckClsact(kDevice, ifindex_, program.id);
    return found.ok() ? "" : found.error().Text();
  }
  // Another's filter of the same priority: the newest runs first.
  void PutTheirsBefore() {
    bpf_tc_hook hook{};
    hook.sz = sizeof hook;
    hook.ifindex = static_cast<int>(ifindex_);
    hook.attach_point = BPF_TC_EGRESS;
    bpf_tc_hook_create(&hook);
    LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = theirs_.fd.get(), .handle = kTheirHandle,
                .priority = 1);
    ASSERT_EQ(bpf_tc_attach(&hook, &options), 0);
  }

  const Program ours_{"pm_tc"}, theirs_{"theirs"};
  uint32_t ifindex_ = 0;
};

TEST_F(ClsactTest, FilterIsThereAndFirst) {
  ASSERT_TRUE(Hook(ours_));
  EXPECT_EQ(Look(ours_), "");
  ASSERT_TRUE(Hook(ours_)) << "a second time changes nothing";
  EXPECT_EQ(Look(ours_), "");
}

TEST_F(ClsactTest, DeletedFilterIsMissedAndPutBack) {
  for (const char* deed : {"tc filter del dev pmt0 egress", "tc qdisc del dev pmt0 clsact"}) {
    SCOPED_TRACE(deed);
    ASSERT_TRUE(Hook(ours_));
    ASSERT_EQ(Look(ours_), "");
    ASSERT_TRUE(Shell(deed));
    EXPECT_EQ(Look(ours_),
              "find the clsact filter of pmt0: No such file or directory (somebody deleted it)");
    ASSERT_TRUE(Hook(ours_));
    EXPECT_EQ(Look(ours_), "");
  }
}

TEST_F(ClsactTest, FilterBeforeOursIsToldAndOursIsPutFirstAgain) {
  ASSERT_TRUE(Hook(ours_));
  ASSERT_NO_FATAL_FAILURE(PutTheirsBefore());
  EXPECT_EQ(Look(ours_),
            "find the clsact filter of pmt0: Device or resource busy (somebody put another filter "
            "before it: packets may pass there unjudged)");
  ASSERT_TRUE(Hook(ours_));
  EXPECT_EQ(Look(ours_), "");
}

TEST_F(ClsactTest, AnotherProgramOfOursTakesTheSamePlace) {
  const Program next("pm_tc");
  ASSERT_TRUE(Hook(ours_));
  ASSERT_TRUE(Hook(next));
  EXPECT_EQ(Look(next), "");
  EXPECT_EQ(Look(ours_),
            "find the clsact filter of pmt0: No such file or directory (somebody deleted it)");
}

TEST_F(ClsactTest, UnhookingTakesOursAndLeavesTheirs) {
  ASSERT_NO_FATAL_FAILURE(PutTheirsBefore());
  ASSERT_TRUE(Hook(ours_));
  UnhookClsact(ifindex_);
  EXPECT_TRUE(Shell("test \"$(tc filter show dev pmt0 egress | grep -c pm_tc)\" = 0"));
  EXPECT_TRUE(Shell("test \"$(tc filter show dev pmt0 egress | grep -c theirs)\" = 1"));
}

}  // namespace
}  // namespace portmatrix
