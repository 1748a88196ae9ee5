// SPDX-License-Identifier: Apache-2.0
// Generations in the real maps under pins of a test's own, judged by the live program on packets
// that are handed to it (BPF_PROG_TEST_RUN). The device is the loopback of a network namespace that
// dies with the process.
#ifndef PORTMATRIX_TESTS_KERNEL_PINNED_NODE_H_
#define PORTMATRIX_TESTS_KERNEL_PINNED_NODE_H_

#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sched.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "agent/compile/compile.h"
#include "agent/datapath/file_descriptor.h"
#include "agent/datapath/kernel_datapath.h"
#include "agent/datapath/pinned_reader.h"
#include "tests/kernel/privilege.h"

namespace portmatrix {

class PinnedNodeTest : public testing::Test {
 protected:
  void SetUp() override {
    NEEDS_KERNEL();
    const std::string name = testing::UnitTest::GetInstance()->current_test_info()->name();
    pin_root_ = "/sys/fs/bpf/portmatrix-test-" + name + "-" + std::to_string(getpid());
    ASSERT_EQ(unshare(CLONE_NEWNET), 0);
    ASSERT_EQ(std::system("ip link set lo up"), 0);
    ASSERT_NO_FATAL_FAILURE(Open());
  }
  void TearDown() override {
    if (datapath_ != nullptr) {
      EXPECT_TRUE(datapath_->Remove().ok());
    }
  }

  void Open() {
    auto opened = KernelDatapath::Open(pin_root_, {.rules = 4096, .flows = 1024, .fragments = 256});
    ASSERT_TRUE(opened.ok()) << opened.error().Text();
    datapath_ = std::move(*opened);
    program_ = FileDescriptor(bpf_obj_get((pin_root_ + "/programs/xdp").c_str()));
    ASSERT_TRUE(program_.valid());
  }

  // A policy that lets UDP to these ports in: rules named p7001 and so on.
  static Node NodeOf(const std::vector<uint16_t>& ports) {
    Node node;
    node.name = "test";
    Interface interface;
    interface.name = "ext";
    interface.devices = {"lo"};
    interface.local = AddressSet::Of({HostPrefix(*ParseAddress("192.0.2.1"))});
    interface.xdp = XdpMode::kAny;
    for (const uint16_t port : ports) {
      Rule rule;
      rule.key = "ext/m/p" + std::to_string(port);
      rule.match.from = AddressSet::Any();
      rule.match.to = interface.local;
      rule.match.protocols = {IPPROTO_UDP};
      rule.match.ports = {{port, port}};
      interface.rules.push_back(rule);
    }
    node.interfaces.push_back(interface);
    return node;
  }

  void Fill(uint32_t slot, const Node& node) {
    auto numbering = datapath_->ReadNumbering();
    ASSERT_TRUE(numbering.ok());
    std::string what;
    ASSERT_TRUE(NumberNode(node, datapath_->limits(), &*numbering, &what)) << what;
    auto compiled = Compile(node, *numbering, ++generation_, &what);
    ASSERT_TRUE(compiled) << what;
    Generation generation;
    generation.record.number = generation_;
    generation.record.fingerprint[0] = 1;  // zero would be the generation that binds nothing
    generation.image = std::move(compiled->image);
    for (const Rule& rule : node.interfaces[0].rules)
      generation.rules.push_back({rule.key, rule.direction});
    generation.interfaces = {"ext"};
    generation.devices = {"lo"};
    for (const LiveSet& set : node.live_sets) generation.live_sets.push_back({set.name, set.max});
    auto installed = datapath_->Install(slot, generation, *numbering);
    ASSERT_TRUE(installed.ok()) << installed.error().Text();
    auto attached = datapath_->Attach("lo", numbering->devices.at("lo"), XdpMode::kAny);
    ASSERT_TRUE(attached.ok()) << attached.error().Text();
  }

  // Judges by `judging`, with `previous` to fall back to. Returns the control word.
  uint64_t Judge(uint32_t judging, uint32_t previous, pm_control_state state,
                 uint64_t deadline = 0) {
    const uint64_t word = *datapath_->ReadControl();
    const uint64_t next =
        PM_CONTROL(judging, previous, state, PM_CONTROL_SEQUENCE(word) + 1, deadline);
    EXPECT_TRUE(*datapath_->SwapControl(word, next));
    return next;
  }

  // Is a datagram to this port passed? `repeat` packets, of which the last one answers.
  bool Passes(uint16_t port, uint32_t repeat = 1) const {
    std::array<uint8_t, 60> frame{};
    frame[12] = 8;
    uint8_t* ip = &frame[14];
    ip[0] = 0x45;
    ip[3] = sizeof frame - 14;
    ip[8] = 64;
    ip[9] = IPPROTO_UDP;
    const std::array<uint8_t, 8> addresses{192, 0, 2, 2, 192, 0, 2, 1};
    std::copy(addresses.begin(), addresses.end(), ip + 12);
    ip[20] = 20000 >> 8;
    ip[21] = 20000 & 0xff;
    ip[22] = static_cast<uint8_t>(port >> 8);
    ip[23] = static_cast<uint8_t>(port);
    ip[25] = sizeof frame - 34;
    xdp_md context{};
    context.data_end = sizeof frame;
    context.ingress_ifindex = 1;
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.data(), .data_size_in = sizeof frame,
                .ctx_in = &context, .ctx_size_in = sizeof context,
                .repeat = static_cast<int>(repeat));
    EXPECT_EQ(bpf_prog_test_run_opts(program_.get(), &options), 0);
    return options.retval == XDP_PASS;
  }

  Result<CounterSnapshot> Counters() const {
    auto reader = PinnedReader::Open(pin_root_);
    if (!reader) return reader.error();
    return (*reader)->ReadCounters();
  }
  // Packets of the interface, `in`, that were credited, dropped or retired.
  static uint64_t Placed(const CounterSnapshot& snapshot) {
    uint64_t placed = 0;
    for (const RuleCount& rule : snapshot.rules) placed += rule.total.packets;
    for (const ReasonCount& reason : snapshot.reasons)
      if (!reason.is_device && reason.direction == Direction::kIn)
        placed += reason.total.dropped_packets + reason.total.passed_packets;
    return placed + Seen(snapshot).retired.packets;
  }
  static SeenCount Seen(const CounterSnapshot& snapshot) {
    for (const SeenCount& seen : snapshot.seen)
      if (!seen.is_device && seen.direction == Direction::kIn) return seen;
    return {};
  }
  static uint64_t Packets(const CounterSnapshot& snapshot, const std::string& id) {
    for (const RuleCount& rule : snapshot.rules)
      if (rule.rule.key == "ext/m/" + id) return rule.total.packets;
    return UINT64_MAX;
  }

  std::string pin_root_;
  std::unique_ptr<KernelDatapath> datapath_;
  FileDescriptor program_;
  uint64_t generation_ = 0;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_TESTS_KERNEL_PINNED_NODE_H_
