// SPDX-License-Identifier: Apache-2.0
// What the other programs take for granted in the guest that `run` boots. Never run on the host.
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace {

int Shell(const std::string& command) { return std::system(command.c_str()); }

TEST(Guest, IsTheOldestSupportedKernel) {
  utsname name{};
  ASSERT_EQ(uname(&name), 0);
  EXPECT_EQ(std::string(name.release).rfind("6.1.", 0), 0U) << name.release;
}

TEST(Guest, IsRoot) { EXPECT_EQ(geteuid(), 0U); }

TEST(Guest, HasBpffs) {
  struct statfs filesystem {};
  ASSERT_EQ(statfs("/sys/fs/bpf", &filesystem), 0);
  EXPECT_EQ(filesystem.f_type, BPF_FS_MAGIC);
}

TEST(Guest, HasKernelTypes) { EXPECT_EQ(access("/sys/kernel/btf/vmlinux", R_OK), 0); }

TEST(Guest, MakesVethPairsBetweenNamespaces) {
  EXPECT_EQ(Shell("ip netns add far"), 0);
  EXPECT_EQ(Shell("ip link add near type veth peer name far netns far"), 0);
  EXPECT_EQ(Shell("ip addr add 192.0.2.1/24 dev near && ip link set near up"), 0);
  EXPECT_EQ(Shell("ip -n far addr add 192.0.2.2/24 dev far && ip -n far link set far up"), 0);
  EXPECT_EQ(Shell("ping -c 1 -w 10 192.0.2.2 >/dev/null"), 0);
  EXPECT_EQ(Shell("tc qdisc add dev near clsact"), 0);
  EXPECT_EQ(Shell("ip link add link near name near.7 type vlan id 7"), 0);
  EXPECT_EQ(Shell("ip link del near && ip netns del far"), 0);
}

}  // namespace
