// SPDX-License-Identifier: Apache-2.0
// The datapath on a real device: hooks, traffic over veth, a switch of generations, adoption by a
// second opener, removal. Each test works in a network namespace of its own.
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <thread>

#include "agent/compile/compile.h"
#include "agent/datapath/file_descriptor.h"
#include "agent/datapath/kernel_datapath.h"
#include "agent/datapath/pinned_reader.h"
#include "tests/kernel/privilege.h"

namespace portmatrix {
namespace {

constexpr DatapathSizes kSizes{.rules = 64, .flows = 1024, .fragments = 256};
constexpr uint16_t kOpen = 7001, kClosed = 7002;
// For the next datagram: an emulated processor may not run for long.
constexpr std::chrono::milliseconds kPatience{10'000}, kBriefly{200};

// Runs a command of this machine; the test fails with it.
void Shell(const std::string& command) { ASSERT_EQ(std::system(command.c_str()), 0) << command; }

// A policy that lets UDP to one port of 192.0.2.1 in on `pmt0`.
Node OnePortNode(uint16_t port, const std::string& id) {
  Node node;
  node.name = "test";
  Interface interface;
  interface.name = "external";
  interface.devices = {"pmt0"};
  interface.local = AddressSet::Of({HostPrefix(*ParseAddress("192.0.2.1"))});
  interface.ethertypes = {0x0806};
  interface.xdp = XdpMode::kAny;
  Rule rule;
  rule.key = "external/m/" + id;
  rule.match.from = AddressSet::Any();
  rule.match.to = interface.local;
  rule.match.protocols = {IPPROTO_UDP};
  rule.match.ports = {{port, port}};
  interface.rules.push_back(rule);
  node.interfaces.push_back(interface);
  return node;
}

class AttachTest : public testing::Test {
 protected:
  void SetUp() override {
    NEEDS_KERNEL();
    const std::string name = testing::UnitTest::GetInstance()->current_test_info()->name();
    peer_ = "pmt-" + std::to_string(getpid());
    pin_root_ = "/sys/fs/bpf/portmatrix-test-" + name + "-" + std::to_string(getpid());
    // The device under test lives in a namespace that dies with this process; sockets on its other
    // end in a named one.
    ASSERT_EQ(unshare(CLONE_NEWNET), 0);
    std::system(("ip netns del " + peer_ + " 2>/dev/null").c_str());
    Shell("ip netns add " + peer_);
    Shell("ip link add pmt0 address 02:00:00:00:00:01 type veth peer name pmt1 netns " + peer_);
    // The kernel must send nothing by itself: what is on its way while counters are read is in one
    // sum and not in the other.
    Shell("ip link set pmt0 addrgenmode none && ip -n " + peer_ +
          " link set pmt1 addrgenmode none");
    Shell("ip addr add 192.0.2.1/24 dev pmt0 && ip link set pmt0 up && ip link set lo up");
    Shell("ip -n " + peer_ + " addr add 192.0.2.2/24 dev pmt1 && ip -n " + peer_ +
          " link set pmt1 up");
    Shell("ip -n " + peer_ + " neigh add 192.0.2.1 lladdr 02:00:00:00:00:01 dev pmt1");
  }
  void TearDown() override {
    if (pin_root_.empty()) return;
    if (datapath_ != nullptr) {
      EXPECT_TRUE(datapath_->Remove().ok());
    }
    datapath_.reset();
    std::system(("ip netns del " + peer_).c_str());
  }

  void Open() {
    auto opened = KernelDatapath::Open(pin_root_, kSizes);
    ASSERT_TRUE(opened.ok()) << opened.error().Text();
    datapath_ = std::move(*opened);
  }

  // Installs `node` in the next slot and lets it judge.
  void Switch(const Node& node) {
    auto numbering = datapath_->ReadNumbering();
    ASSERT_TRUE(numbering.ok());
    std::string what;
    ASSERT_TRUE(NumberNode(node, datapath_->limits(), &*numbering, &what)) << what;
    auto word = datapath_->ReadControl();
    ASSERT_TRUE(word.ok());
    const uint32_t judging = PM_CONTROL_JUDGING(*word), slot = (judging + 1) % PM_SLOTS;
    auto compiled = Compile(node, *numbering, ++generation_, &what);
    ASSERT_TRUE(compiled) << what;
    Generation generation;
    generation.record.number = generation_;
    generation.image = std::move(compiled->image);
    for (const Rule& rule : node.interfaces[0].rules)
      generation.rules.push_back({rule.key, rule.direction});
    generation.interfaces = {"external"};
    generation.devices = {"pmt0"};
    auto installed = datapath_->Install(slot, generation, *numbering);
    ASSERT_TRUE(installed.ok()) << installed.error().Text();
    auto attached = datapath_->Attach("pmt0", numbering->devices.at("pmt0"), XdpMode::kAny);
    ASSERT_TRUE(attached.ok()) << attached.error().Text();
    auto swapped = datapath_->SwapControl(
        *word, PM_CONTROL(slot, judging, PM_CONTROL_SETTLED, PM_CONTROL_SEQUENCE(*word) + 1, 0));
    ASSERT_TRUE(swapped.ok() && *swapped);
    ASSERT_TRUE(datapath_->WaitForPrograms().ok());
  }

  // How many of `count` datagrams from the other end arrive: that should, and that should not.
  int Deliver(uint16_t port, int count) { return Send(port, count, kPatience); }
  int Leak(uint16_t port, int count) { return Send(port, count, kBriefly); }

  int Send(uint16_t port, int count, std::chrono::milliseconds wait) {
    const int receiver = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    inet_pton(AF_INET, "192.0.2.1", &to.sin_addr);
    EXPECT_EQ(bind(receiver, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
    std::thread([&] {
      const int there = open(("/run/netns/" + peer_).c_str(), O_RDONLY);
      EXPECT_EQ(setns(there, CLONE_NEWNET), 0);
      close(there);
      const int sender = socket(AF_INET, SOCK_DGRAM, 0);
      for (int i = 0; i < count; ++i)
        sendto(sender, "x", 1, 0, reinterpret_cast<sockaddr*>(&to), sizeof to);
      close(sender);
    }).join();
    int arrived = 0;
    pollfd ready{receiver, POLLIN, 0};
    char byte;
    while (arrived < count && poll(&ready, 1, static_cast<int>(wait.count())) == 1)
      while (recv(receiver, &byte, 1, 0) == 1) ++arrived;
    close(receiver);
    return arrived;
  }

  CounterSnapshot Counters() {
    auto reader = PinnedReader::Open(pin_root_);
    EXPECT_TRUE(reader.ok()) << reader.error().Text();
    auto snapshot = (*reader)->ReadCounters();
    EXPECT_TRUE(snapshot.ok());
    return *snapshot;
  }

  static uint64_t Packets(const CounterSnapshot& snapshot, const std::string& rule) {
    for (const RuleCount& count : snapshot.rules)
      if (count.rule.key == rule) return count.total.packets;
    return UINT64_MAX;
  }

  // packets seen = rules + reasons + retired, in both directions.
  static void ExpectSumsHold(const CounterSnapshot& snapshot) {
    for (const SeenCount& seen : snapshot.seen) {
      uint64_t parts = seen.retired.packets;
      for (const RuleCount& rule : snapshot.rules)
        if (!seen.is_device && rule.interface == seen.owner)
          parts +=
              rule.rule.direction == seen.direction ? rule.total.packets : rule.total.reply_packets;
      for (const ReasonCount& reason : snapshot.reasons)
        if (reason.owner == seen.owner && reason.is_device == seen.is_device &&
            reason.direction == seen.direction)
          parts += reason.total.dropped_packets + reason.total.audited_packets +
                   reason.total.passed_packets;
      EXPECT_EQ(parts, seen.total.packets) << seen.owner << " " << ToString(seen.direction);
    }
  }

  std::string peer_, pin_root_;
  std::unique_ptr<KernelDatapath> datapath_;
  uint64_t generation_ = 0;
};

TEST_F(AttachTest, TrafficMeetsTheRulesOfTheJudgingGeneration) {
  ASSERT_NO_FATAL_FAILURE(Open());
  ASSERT_NO_FATAL_FAILURE(Switch(OnePortNode(kOpen, "first")));
  EXPECT_EQ(Deliver(kOpen, 20), 20);
  EXPECT_EQ(Leak(kClosed, 20), 0);
  const CounterSnapshot before = Counters();
  EXPECT_EQ(Packets(before, "external/m/first"), 20u);
  ExpectSumsHold(before);

  ASSERT_NO_FATAL_FAILURE(Switch(OnePortNode(kClosed, "second")));
  EXPECT_EQ(Leak(kOpen, 20), 0);
  EXPECT_EQ(Deliver(kClosed, 20), 20);
  const CounterSnapshot after = Counters();
  EXPECT_EQ(Packets(after, "external/m/first"), 20u)
      << "kept while a retained generation names the rule";
  EXPECT_EQ(Packets(after, "external/m/second"), 20u);
  ExpectSumsHold(after);
}

TEST_F(AttachTest, ClosingLeavesEverythingInForceAndASecondOpenerAdoptsIt) {
  ASSERT_NO_FATAL_FAILURE(Open());
  ASSERT_NO_FATAL_FAILURE(Switch(OnePortNode(kOpen, "rule")));
  EXPECT_EQ(Deliver(kOpen, 5), 5);
  datapath_.reset();
  EXPECT_EQ(Deliver(kOpen, 5), 5);
  EXPECT_EQ(Leak(kClosed, 5), 0);

  ASSERT_NO_FATAL_FAILURE(Open());
  auto attachments = datapath_->Attachments();
  ASSERT_TRUE(attachments.ok());
  ASSERT_EQ(attachments->size(), 1u);
  EXPECT_EQ((*attachments)[0].device, "pmt0");
  EXPECT_TRUE(datapath_->Verify((*attachments)[0]).ok());
  EXPECT_EQ(Deliver(kOpen, 5), 5);
  EXPECT_EQ(Packets(Counters(), "external/m/rule"), 15u);
}

TEST_F(AttachTest, AReaderFollowsChangesAndWhereThePinsLead) {
  ASSERT_NO_FATAL_FAILURE(Open());
  ASSERT_NO_FATAL_FAILURE(Switch(OnePortNode(kOpen, "first")));
  auto reader = PinnedReader::Open(pin_root_);
  ASSERT_TRUE(reader.ok());
  const auto packets = [&](const std::string& rule) {
    const auto read = (*reader)->ReadCounters();
    return read.ok() ? Packets(*read, rule) : UINT64_MAX;
  };
  EXPECT_EQ(Deliver(kOpen, 3), 3);
  EXPECT_EQ(packets("external/m/first"), 3u);
  ASSERT_NO_FATAL_FAILURE(Switch(OnePortNode(kOpen, "second")));
  EXPECT_EQ(Deliver(kOpen, 2), 2);
  EXPECT_EQ(packets("external/m/first"), 3u);
  EXPECT_EQ(packets("external/m/second"), 2u);

  ASSERT_TRUE(datapath_->Remove().ok());
  const auto gone = (*reader)->ReadCounters();
  ASSERT_FALSE(gone.ok());
  EXPECT_EQ(gone.error().code, ENOENT);
  datapath_.reset();
  ASSERT_NO_FATAL_FAILURE(Open());
  ASSERT_NO_FATAL_FAILURE(Switch(OnePortNode(kOpen, "first")));
  EXPECT_EQ(Deliver(kOpen, 1), 1);
  EXPECT_EQ(packets("external/m/first"), 1u);
  EXPECT_EQ(packets("external/m/second"), UINT64_MAX);
}

TEST_F(AttachTest, AKilledOwnerLeavesEverythingInForceAndTheNextOneAdoptsIt) {
  const pid_t child = fork();
  if (child == 0) {
    Open();
    if (!HasFatalFailure()) Switch(OnePortNode(kOpen, "rule"));
    raise(HasFailure() ? SIGTERM : SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
  EXPECT_EQ(Deliver(kOpen, 5), 5);
  EXPECT_EQ(Leak(kClosed, 5), 0);

  ASSERT_NO_FATAL_FAILURE(Open());
  auto attachments = datapath_->Attachments();
  ASSERT_TRUE(attachments.ok());
  ASSERT_EQ(attachments->size(), 1u);
  EXPECT_TRUE(datapath_->Verify((*attachments)[0]).ok());
  EXPECT_EQ(Packets(Counters(), "external/m/rule"), 5u);
  generation_ = 1;
  ASSERT_NO_FATAL_FAILURE(Switch(OnePortNode(kClosed, "rule")));
  EXPECT_EQ(Leak(kOpen, 5), 0);
  EXPECT_EQ(Deliver(kClosed, 5), 5);
}

// What anyone with CAP_NET_ADMIN can do to a hook: a link that goes, a filter that `tc` deletes
// (before Linux 6.6).
TEST_F(AttachTest, HooksThatSomebodyTookOffAreMissedAndPutBack) {
  ASSERT_NO_FATAL_FAILURE(Open());
  ASSERT_NO_FATAL_FAILURE(Switch(OnePortNode(kOpen, "rule")));
  const Attachment hooked = datapath_->Attachments()->at(0);
  const auto detach_link = [&](const std::string& hook) {
    const FileDescriptor link(bpf_obj_get((pin_root_ + "/links/" + hook + "/pmt0").c_str()));
    return link.valid() && bpf_link_detach(link.get()) == 0;
  };
  const struct {
    const char* name;
    std::function<bool()> take_off;
    std::string complaint;
    bool is_filter = false;
  } kRows[] = {
      {"receive", [&] { return detach_link("xdp"); },
       "find the XDP link of pmt0: No such device (it was detached, or its device is gone)"},
      {"send",
       [&] {
         if (hooked.tc == PM_TC_TCX) return detach_link("tc");
         return std::system("tc filter del dev pmt0 egress") == 0;
       },
       hooked.tc == PM_TC_TCX
           ? "find the TCX link of pmt0: No such device (it was detached, or its device is gone)"
           : "find the clsact filter of pmt0: No such file or directory (somebody deleted it)",
       hooked.tc == PM_TC_CLSACT},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.name);
    ASSERT_TRUE(datapath_->Verify(hooked).ok());
    EXPECT_TRUE(datapath_->StillHolds(hooked));
    ASSERT_TRUE(row.take_off());
    // rtnetlink tells of filters.
    EXPECT_EQ(datapath_->StillHolds(hooked), row.is_filter);
    const Result<void> found = datapath_->Verify(hooked);
    ASSERT_FALSE(found.ok());
    EXPECT_EQ(found.error().Text(), row.complaint);
    ASSERT_TRUE(datapath_->Attach("pmt0", hooked.number, XdpMode::kAny).ok());
    EXPECT_TRUE(datapath_->Verify(hooked).ok());
    EXPECT_EQ(Leak(kClosed, 5), 0);
    EXPECT_EQ(Deliver(kOpen, 5), 5);
  }
}

TEST_F(AttachTest, RetiringMovesCountsToTheInterfaceAndFreesTheSlot) {
  ASSERT_NO_FATAL_FAILURE(Open());
  ASSERT_NO_FATAL_FAILURE(Switch(OnePortNode(kOpen, "first")));
  EXPECT_EQ(Deliver(kOpen, 7), 7);
  ASSERT_NO_FATAL_FAILURE(Switch(OnePortNode(kClosed, "second")));
  ASSERT_NO_FATAL_FAILURE(Switch(OnePortNode(kClosed, "second")));
  ASSERT_TRUE(datapath_->Retire({{"external/m/first", Direction::kIn}}).ok());
  const CounterSnapshot snapshot = Counters();
  EXPECT_EQ(Packets(snapshot, "external/m/first"), UINT64_MAX);
  for (const SeenCount& seen : snapshot.seen)
    if (seen.owner == "external" && seen.direction == Direction::kIn) {
      EXPECT_EQ(seen.retired.packets, 7u);
    }
  ExpectSumsHold(snapshot);
}

TEST_F(AttachTest, MissingDeviceIsNamedInTheError) {
  ASSERT_NO_FATAL_FAILURE(Open());
  auto attached = datapath_->Attach("pmt9", 1, XdpMode::kNative);
  ASSERT_FALSE(attached.ok());
  EXPECT_EQ(attached.error().Text(),
            "attach to pmt9: No such device (no device of that name in this network namespace: see "
            "`ip link`)");
}

// As of a build before the numbers of devices stood in an array.
TEST_F(AttachTest, PinsOfAnotherSchemaStayInForceUntilTheyAreRemoved) {
  ASSERT_NO_FATAL_FAILURE(Open());
  ASSERT_NO_FATAL_FAILURE(Switch(OnePortNode(kOpen, "rule")));
  datapath_.reset();
  const uint32_t zero = 0;
  pm_identity identity{};
  const FileDescriptor map(bpf_obj_get((pin_root_ + "/maps/identity").c_str()));
  ASSERT_EQ(bpf_map_lookup_elem(map.get(), &zero, &identity), 0);
  identity.schema = PM_SCHEMA - 1;
  ASSERT_EQ(bpf_map_update_elem(map.get(), &zero, &identity, BPF_ANY), 0);
  const std::string devices = pin_root_ + "/maps/devices";
  ASSERT_EQ(unlink(devices.c_str()), 0);
  const FileDescriptor table(
      bpf_map_create(BPF_MAP_TYPE_HASH, "devices", sizeof zero, sizeof zero, 64, nullptr));
  ASSERT_EQ(bpf_obj_pin(table.get(), devices.c_str()), 0);

  const auto opened = KernelDatapath::Open(pin_root_, kSizes);
  ASSERT_FALSE(opened.ok());
  EXPECT_NE(opened.error().Text().find("they are of map schema"), std::string::npos);
  EXPECT_NE(opened.error().Text().find("portmatrix detach --yes"), std::string::npos);
  EXPECT_EQ(Deliver(kOpen, 5), 5);
  EXPECT_EQ(Leak(kClosed, 5), 0);

  const auto removed = KernelDatapath::RemoveAll(pin_root_);
  EXPECT_TRUE(removed.ok()) << removed.error().Text();
  EXPECT_EQ(Deliver(kClosed, 5), 5);
  EXPECT_FALSE(std::filesystem::exists(pin_root_));
}

TEST_F(AttachTest, RemovingLeavesNoHookAndNoPin) {
  ASSERT_NO_FATAL_FAILURE(Open());
  ASSERT_NO_FATAL_FAILURE(Switch(OnePortNode(kOpen, "rule")));
  EXPECT_EQ(Leak(kClosed, 5), 0);
  ASSERT_TRUE(datapath_->Remove().ok());
  datapath_.reset();
  EXPECT_EQ(Deliver(kClosed, 5), 5);
  EXPECT_FALSE(std::filesystem::exists(pin_root_));
}

TEST(PinNameTest, BytesThatBpffsRefusesAreEscaped) {
  EXPECT_EQ(PinName("eth0"), "eth0");
  EXPECT_EQ(PinName("bond0.10"), "bond0_2e10");
  EXPECT_EQ(PinName("a_b"), "a_5fb");
}

}  // namespace
}  // namespace portmatrix
