// SPDX-License-Identifier: Apache-2.0
// The table of conversations as readers see it: who opened what by which rule, and for how long.
#include "agent/datapath/flow_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <nlohmann/json.hpp>
#include <string>

#include "agent/compile/compile.h"
#include "agent/datapath/simulator.h"
#include "tests/kernel/live_policy.h"
#include "tests/kernel/privilege.h"
#include "tests/support/node_builder.h"
#include "tests/support/packet_builder.h"

namespace portmatrix {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr DatapathSizes kSizes{.rules = 64, .flows = 1024, .fragments = 256};
constexpr const char* kPolicy = R"(matrix: m
rules:
  - {id: query, from: host, to: any, protocol: udp, ports: 7002}
---
node: live
sets: {host: 192.0.2.1}
failsafe: none
interfaces:
  external: {device: pmt0, local: host, matrices: [m]}
)";

TEST(Flows, AreListedWithWhoOpenedWhatByWhichRule) {
  NEEDS_KERNEL();
  LivePolicy live("flows");
  live.Install(kPolicy);
  EXPECT_EQ(live.Run("flows").output, "0 conversations, 0 expired; room for 1024\n");
  live.Send(5000, 7002);
  const Ran ran = live.Run("flows --json");
  ASSERT_EQ(ran.code, 0) << ran.errors;
  const json listed = json::parse(ran.output);
  ASSERT_EQ(listed["flows"].size(), 1u);
  const json& flow = listed["flows"][0];
  EXPECT_EQ(flow["interface"], "external");
  EXPECT_EQ(flow["protocol"], "udp");
  EXPECT_EQ(flow["local"], "192.0.2.1");
  EXPECT_EQ(flow["local_port"], 5000);
  EXPECT_EQ(flow["remote"], "192.0.2.2");
  EXPECT_EQ(flow["remote_port"], 7002);
  EXPECT_EQ(flow["rule"], "external/m/query");
  EXPECT_EQ(flow["state"], "unanswered");
  EXPECT_LE(flow["expires_in_seconds"], 30);
  EXPECT_EQ(flow["stale"], false);
  EXPECT_THAT(live.Run("flows").output, HasSubstr("192.0.2.1:5000  192.0.2.2:7002  unanswered"));
}

struct Expiry {
  const char* name;
  uint8_t protocol;
  pm_flow flow;
};

// The program finds an entry one nanosecond before its expiry, and not at it.
TEST(FlowExpiry, IsTheProgramsOwn) {
  NEEDS_KERNEL();
  constexpr uint64_t kOut = 1000 * PM_SECOND, kClosing = 1005 * PM_SECOND;
  constexpr uint32_t kFins = PM_FLOW_FIN_IN | PM_FLOW_FIN_OUT;
  const Expiry rows[] = {
      {"syn", 6, {.last_out = kOut}},
      {"established", 6, {.last_out = kOut, .flags = PM_FLOW_ESTABLISHED}},
      {"one fin", 6, {.last_out = kOut, .flags = PM_FLOW_ESTABLISHED | PM_FLOW_FIN_IN}},
      {"both fins",
       6,
       {.last_out = kOut, .closing_at = kClosing, .flags = PM_FLOW_ESTABLISHED | kFins}},
      {"last out behind both fins",
       6,
       {.last_out = kClosing, .closing_at = kOut, .flags = PM_FLOW_ESTABLISHED | kFins}},
      {"reset",
       6,
       {.last_out = kOut, .closing_at = kClosing, .flags = PM_FLOW_ESTABLISHED | PM_FLOW_RESET}},
      {"udp", 17, {.last_out = kOut}},
      {"udp answered", 17, {.last_out = kOut, .flags = PM_FLOW_ANSWERED}},
      {"other", 47, {.last_out = kOut}},
  };
  Node node;
  node.name = "n";
  node.interfaces.push_back(MakeInterface(
      "external", "eth0", {"192.0.2.1"},
      {{.id = "all", .direction = Direction::kOut, .match = {.from = {"192.0.2.1"}}}}));
  Numbering numbering;
  std::string what;
  ASSERT_TRUE(NumberNode(node, {.rules = 8}, &numbering, &what));
  const auto compiled = Compile(node, numbering, 7, &what);
  ASSERT_TRUE(compiled) << what;
  auto simulator = Simulator::Load(kSizes);
  ASSERT_TRUE(simulator.ok()) << simulator.error().Text();
  ASSERT_TRUE((*simulator)->Change(compiled->image).ok());
  for (const Expiry& row : rows) {
    Conversation conversation{{}, row.flow};
    conversation.flow.generation = 7;
    pm_tuple& opening = conversation.opening;
    opening.family = 4;
    opening.protocol = row.protocol;
    const uint8_t local[] = {192, 0, 2, 1}, remote[] = {192, 0, 2, 2};
    std::memcpy(opening.source, local, 4);
    std::memcpy(opening.destination, remote, 4);
    wire::Stack answer =
        wire::Ethernet{} / wire::Ipv4{.source = "192.0.2.2", .destination = "192.0.2.1"};
    if (row.protocol == 47) {
      answer = answer / wire::Zeros(8, 47);
    } else {
      opening.source_port = 5000;
      opening.destination_port = 80;
      answer =
          row.protocol == 6
              ? answer / wire::Tcp{.source_port = 80, .destination_port = 5000, .flags = wire::kAck}
              : answer / wire::Udp{.source_port = 80, .destination_port = 5000};
    }
    const wire::Bytes frame = answer;
    for (const uint64_t early : {uint64_t{1}, uint64_t{0}}) {
      // Each answer may change the entry.
      ASSERT_TRUE((*simulator)->PutFlow(opening, conversation.flow).ok());
      auto report = (*simulator)->Run(Direction::kIn, 0, frame, conversation.expiry() - early);
      ASSERT_TRUE(report.ok() && *report);
      EXPECT_EQ((*report)->reason, early ? PM_REASON_REPLY : PM_REASON_DEFAULT) << row.name;
    }
  }
}

}  // namespace
}  // namespace portmatrix
