// SPDX-License-Identifier: Apache-2.0
// `portmatrix trace` of the policy in force: it says what the next packet would meet, by which rule
// of which line, and neither it nor `replay` nor `flows` touches anything that is in force.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/kernel/command_line.h"
#include "tests/kernel/live_policy.h"
#include "tests/kernel/privilege.h"
#include "tests/support/capture_file.h"

namespace portmatrix {
namespace {

using nlohmann::json;
using testing::HasSubstr;

// Datagrams to one port in, to another out; a second interface by VLAN 30.
constexpr const char* kPolicy = R"(matrix: m
rules:
  - id: service
    from: any
    to: host
    protocol: udp
    ports: 7001
  - {id: query, from: host, to: any, protocol: udp, ports: 7002}
  - {id: branch, from: any, to: other, protocol: tcp}
---
node: live
sets: {host: 192.0.2.1, other: 198.51.100.1}
failsafe: none
interfaces:
  external: {device: pmt0, local: host, matrices: [m]}
  branch: {device: pmt0, vlan: 30, local: other, matrices: [m]}
)";
// The same, but the service has moved.
constexpr const char* kNextPolicy = R"(matrix: m
rules:
  - {id: moved, from: any, to: host, protocol: udp, ports: 7009}
---
node: live
sets: {host: 192.0.2.1}
failsafe: none
interfaces:
  external: {device: pmt0, local: host, matrices: [m]}
)";

const std::string kToService =
    "--interface external --from 203.0.113.9:4000 --to 192.0.2.1:7001 --protocol udp";
const std::string kAnswer =
    "--interface external --from 192.0.2.2:7002 --to 192.0.2.1:5000 --protocol udp";

class TraceTest : public testing::Test {
 protected:
  void SetUp() override {
    NEEDS_KERNEL();
    live_ = std::make_unique<LivePolicy>(
        std::string("trace-") + testing::UnitTest::GetInstance()->current_test_info()->name());
    live_->Install(kPolicy);
  }

  json Trace(const std::string& words) {
    const Ran ran = live_->Run("trace --json --state_dir " + live_->state_dir() + " " + words);
    EXPECT_EQ(ran.code, 0) << ran.errors;
    return json::parse(ran.output, nullptr, false);
  }

  // Every kind of question that could touch something: packets that match, that drop, that open a
  // conversation, that answer the live one and refresh it, of this policy and of another.
  void AskEverything() {
    for (const std::string& words :
         {kToService, kAnswer,
          std::string("--interface external --from 203.0.113.9 --to 192.0.2.1:22 --protocol tcp"),
          std::string("--interface external --from 192.0.2.1:6000 --to 192.0.2.2:7002 --protocol "
                      "udp"),
          std::string("--interface external --from 192.0.2.1:5000 --to 192.0.2.2:7002 --protocol "
                      "udp")})
      Trace(words);
    const std::string policy = folder_.Write("policy.yaml", std::string(kPolicy));
    const std::string ways = " --policy " + policy + " --interface external";
    EXPECT_EQ(live_->Run("trace " + kToService + " --policy " + policy).code, 0);
    const wire::Bytes query = wire::Ethernet{} /
                              wire::Ipv4{.source = "192.0.2.1", .destination = "192.0.2.2"} /
                              wire::Udp{.source_port = 5000, .destination_port = 7002};
    const wire::Bytes answer = wire::Ethernet{} /
                               wire::Ipv4{.source = "192.0.2.2", .destination = "192.0.2.1"} /
                               wire::Udp{.source_port = 7002, .destination_port = 5000};
    std::vector<CaptureRecord> records;
    for (uint64_t i = 0; i < 500; ++i) {
      records.push_back({i, query, {}});
      records.push_back({i, answer, {}});
    }
    const Ran replayed = live_->Run("replay " + folder_.Write("capture", PcapFile(records)) + ways);
    EXPECT_EQ(replayed.code, 0) << replayed.errors;
    EXPECT_THAT(replayed.output, HasSubstr("1,000 allowed, 0 dropped"));
    const Ran by_pins = live_->Run("replay " + folder_.path() + "/capture --interface external " +
                                   "--state_dir " + live_->state_dir());
    EXPECT_EQ(by_pins.code, 0) << by_pins.errors;
    EXPECT_THAT(by_pins.output, HasSubstr("1,000 packets in"));
    EXPECT_EQ(live_->Run("flows --all").code, 0);
  }

  const Folder folder_;
  std::unique_ptr<LivePolicy> live_;
};

TEST_F(TraceTest, NamesTheRuleInForceAndItsPlace) {
  const json allowed = Trace(kToService);
  EXPECT_EQ(allowed["verdict"], "allow");
  EXPECT_EQ(allowed["reason"], "rule");
  EXPECT_EQ(allowed["rule"], "external/m/service");
  EXPECT_EQ(allowed["file"], "live.yaml");
  EXPECT_EQ(allowed["line"], 3);
  EXPECT_EQ(allowed["column"], 9);
  EXPECT_EQ(allowed["direction"], "in");
  EXPECT_EQ(allowed["device"], "pmt0");
  EXPECT_EQ(allowed["node"], "live");
  EXPECT_EQ(allowed["generation"], 1);
  const json dropped =
      Trace("--interface external --from 203.0.113.9 --to 192.0.2.1:22 --protocol tcp");
  EXPECT_EQ(dropped["verdict"], "drop");
  EXPECT_EQ(dropped["reason"], "default");
  EXPECT_TRUE(dropped["rule"].is_null());
  EXPECT_TRUE(dropped["file"].is_null());
}

TEST_F(TraceTest, SaysItWhereTheFilesOfTheGenerationAreGone) {
  const Ran ran = live_->Run("trace --state_dir /nonexistent " + kToService);
  EXPECT_EQ(ran.code, 0) << ran.errors;
  EXPECT_THAT(ran.output, HasSubstr("rule: external/m/service (in)"));
  EXPECT_THAT(ran.output, HasSubstr("written at: not known (/nonexistent/sources/"));
}

TEST_F(TraceTest, AnInterfaceOnAVlanIsReachedByItsTag) {
  const json answer =
      Trace("--interface branch --from 203.0.113.9 --to 198.51.100.1:22 --protocol tcp");
  EXPECT_EQ(answer["rule"], "branch/m/branch");
  EXPECT_EQ(answer["vlan"], json::array({30}));
  EXPECT_EQ(answer["line"], 9);
}

TEST_F(TraceTest, AnAnswerIsOneWhileItsConversationLives) {
  EXPECT_EQ(Trace(kAnswer)["reason"], "default");
  live_->Send(5000, 7002);
  const json traced = Trace(kAnswer);
  EXPECT_EQ(traced["reason"], "reply");
  EXPECT_EQ(traced["rule"], "external/m/query");
  EXPECT_EQ(traced["line"], 8);
  EXPECT_LE(traced["conversation_before"]["expires_in_seconds"], 30);
  EXPECT_GE(traced["conversation_after"]["expires_in_seconds"], 150)
      << "answered, so it lives longer";
  EXPECT_EQ(Trace("--interface external --from 192.0.2.2:7003 --to 192.0.2.1:5000 --protocol "
                  "udp")["reason"],
            "default");
}

TEST_F(TraceTest, QuestionsTouchNothingThatIsInForce) {
  live_->Send(5000, 7002);
  const auto before = live_->Contents();
  ASSERT_NE(before.at("flows"), "");
  ASSERT_NE(before.at("rule_counters"), "");
  ASSERT_NE(before.at("seen_counters"), "");
  ASSERT_NO_FATAL_FAILURE(AskEverything());
  EXPECT_EQ(live_->Contents(), before);
  live_->Send(5000, 7002);
  EXPECT_NE(live_->Contents(), before) << "a packet of the wire is seen";
}

TEST_F(TraceTest, APendingChangeIsTracedAndStaysPending) {
  live_->Send(5000, 7002);
  live_->Install(kNextPolicy, LivePolicy::MillisecondsSinceBoot() + 60'000);
  const auto before = live_->Contents();
  ASSERT_EQ(PM_CONTROL_STATE(live_->Control()), PM_CONTROL_PENDING);
  EXPECT_EQ(Trace(kToService)["reason"], "default");
  ASSERT_NO_FATAL_FAILURE(AskEverything());
  EXPECT_EQ(live_->Contents(), before);
}

// By the tables in the pins and by nothing that stands in the files or in the live conversations.
TEST_F(TraceTest, ReplayWithoutFilesIsByThePolicyInForce) {
  live_->Send(5000, 7002);
  const wire::Stack in =
      wire::Ethernet{} / wire::Ipv4{.source = "192.0.2.2", .destination = "192.0.2.1"};
  const std::string capture = folder_.Write(
      "capture", PcapFile({{0, in / wire::Udp{.source_port = 4000, .destination_port = 7001}},
                           {0, in / wire::Udp{.source_port = 4000, .destination_port = 7009}},
                           {0, in / wire::Udp{.source_port = 7002, .destination_port = 5000}}}));
  const auto replay = [&] {
    return live_
        ->Run("replay --json --written_at " + capture + " --interface external --state_dir " +
              live_->state_dir())
        .output;
  };
  const auto line = [](int packet, const char* what) {
    return R"({"packet":)" + std::to_string(packet) + R"(,"direction":"in",)" + what + "}\n";
  };
  constexpr const char* kDropped =
      R"("verdict":"drop","reason":"default","rule":null,"file":null,"line":null)";
  const auto allowed = [](const char* rule, int line) {
    return R"("verdict":"allow","reason":"rule","rule":"external/m/)" + std::string(rule) +
           R"(","file":"live.yaml","line":)" + std::to_string(line);
  };
  EXPECT_EQ(replay(),
            line(1, allowed("service", 3).c_str()) + line(2, kDropped) + line(3, kDropped));
  live_->Install(kNextPolicy);
  EXPECT_EQ(replay(), line(1, kDropped) + line(2, allowed("moved", 3).c_str()) + line(3, kDropped));
  const Ran gone =
      live_->Run("replay " + capture + " --interface external --state_dir /nonexistent");
  EXPECT_EQ(gone.code, 1);
  EXPECT_THAT(gone.errors, HasSubstr("the files of generation 2 are not known (/nonexistent/"));
  EXPECT_EQ(live_->Run("replay " + capture + " --node live").code, 2);
}

// Trace judges as the next packet will, and leaves the rollback to it.
TEST_F(TraceTest, AChangeWhoseTimeIsOverIsNotRolledBackByAQuestion) {
  live_->Install(kNextPolicy, 1);
  const auto before = live_->Contents();
  const json traced = Trace(kToService);
  EXPECT_EQ(traced["rule"], "external/m/service");
  EXPECT_EQ(traced["generation"], 1);
  EXPECT_EQ(traced["line"], 3);
  ASSERT_NO_FATAL_FAILURE(AskEverything());
  EXPECT_EQ(live_->Contents(), before);
  EXPECT_EQ(PM_CONTROL_STATE(live_->Control()), PM_CONTROL_PENDING);
  live_->Send(5000, 7002);
  EXPECT_EQ(PM_CONTROL_STATE(live_->Control()), PM_CONTROL_ROLLED_BACK);
}

TEST(TraceWithoutPins, SaysSo) {
  NEEDS_KERNEL();
  const Ran ran = RunCommand(
      "trace --from 192.0.2.2 --to 192.0.2.1 --protocol icmp --pin_root /sys/fs/bpf/nothing-here");
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.errors, HasSubstr("nothing is pinned under /sys/fs/bpf/nothing-here"));
}

}  // namespace
}  // namespace portmatrix
