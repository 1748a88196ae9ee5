// SPDX-License-Identifier: Apache-2.0
// `portmatrix trace` by a policy from files: nothing in force, no device, no agent.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/kernel/command_line.h"
#include "tests/kernel/privilege.h"

namespace portmatrix {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr const char* kPolicy = R"(matrix: m
rules:
  - id: web
    from: any
    to: host
    protocol: tcp
    ports: 443
  - {id: ping, from: host, to: any, protocol: [icmp, icmpv6]}
---
node: edge
sets: {host: [203.0.113.11, "2001:db8::11"]}
failsafe: none
interfaces:
  external: {device: eth0, local: [host], matrices: [m]}
)";

class TraceOfFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    NEEDS_KERNEL();
    policy_ = folder_.Write("policy.yaml", std::string(kPolicy));
  }
  Ran Trace(const std::string& words) {
    return RunCommand("trace --policy " + policy_ + " " + words);
  }

  const Folder folder_;
  std::string policy_;
};

struct Question {
  const char* words;
  const char* answer;  // direction, verdict, reason, rule, line
};

TEST_F(TraceOfFilesTest, AnswersWithThePlace) {
  const Question rows[] = {
      {"--from 198.51.100.7 --to 203.0.113.11:443 --protocol tcp",
       "in allow rule external/m/web 3"},
      {"--from [2001:db8:f0::7]:5000 --to [2001:db8::11]:443 --protocol tcp",
       "in allow rule external/m/web 3"},
      {"--from 203.0.113.11:443 --to 198.51.100.7:5000 --protocol tcp --flags syn,ack",
       "out allow reply external/m/web 3"},
      {"--from 203.0.113.11:443 --to 198.51.100.7:5000 --protocol tcp", "out drop default - 0"},
      {"--from 203.0.113.11 --to 198.51.100.7 --protocol icmp", "out allow rule external/m/ping 8"},
      {"--from 2001:db8::11 --to 2001:db8:f0::7 --protocol icmpv6",
       "out allow rule external/m/ping 8"},
      {"--from 198.51.100.7 --to 203.0.113.11 --protocol icmp --icmp_type 13",
       "in drop default - 0"},
      {"--from 198.51.100.7 --to 203.0.113.11 --protocol 47", "in drop default - 0"},
      {"--from 203.0.113.11:9 --to 203.0.113.11:443 --protocol tcp", "in drop spoofed - 0"},
      {"--from 198.51.100.7:9 --to 203.0.113.11:7 --protocol sctp --direction out",
       "out drop default - 0"},
  };
  for (const Question& row : rows) {
    const Ran ran = Trace(std::string("--json ") + row.words);
    ASSERT_EQ(ran.code, 0) << row.words << ": " << ran.errors;
    const json answer = json::parse(ran.output);
    const bool ruled = !answer["rule"].is_null();
    EXPECT_EQ(answer["direction"].get<std::string>() + " " + answer["verdict"].get<std::string>() +
                  " " + answer["reason"].get<std::string>() + " " +
                  (ruled ? answer["rule"].get<std::string>() : "-") + " " +
                  std::to_string(ruled ? answer["line"].get<int>() : 0),
              row.answer)
        << row.words;
    if (ruled) {
      EXPECT_EQ(answer["file"], policy_);
    }
  }
}

TEST_F(TraceOfFilesTest, SaysItInWords) {
  const Ran ran = Trace("--from 198.51.100.7:5000 --to 203.0.113.11:443 --protocol tcp");
  EXPECT_EQ(ran.output,
            "tcp 198.51.100.7:5000 > 203.0.113.11:443 syn\n"
            "  in on external of edge (eth0), policy from files\n"
            "allow: rule: the first rule of this direction that matches\n"
            "  rule: external/m/web (in)\n"
            "  written at: " +
                policy_ + ":3:9\n");
}

TEST_F(TraceOfFilesTest, RefusesWhatIsNoPacket) {
  const Question rows[] = {
      {"--from 198.51.100.7 --to 203.0.113.11 --protocol tcp",
       "--to needs a port with protocol tcp"},
      {"--from 198.51.100.7 --to 2001:db8::11 --protocol icmp", "different families"},
      {"--from 198.51.100.7:1 --to 203.0.113.11 --protocol icmp",
       "has a port, but protocol icmp has none"},
      {"--from 198.51.100.700 --to 203.0.113.11 --protocol icmp", "not `198.51.100.700`"},
      {"--from 198.51.100.7:70000 --to 203.0.113.11:1 --protocol udp", "not `198.51.100.7:70000`"},
      {"--from 198.51.100.7 --to 203.0.113.11:1 --protocol udp --flags syn",
       "--flags goes with protocol tcp"},
      {"--from 198.51.100.7 --to 203.0.113.11:1 --protocol tcp --flags sin", "not `sin`"},
      {"--from 198.51.100.7 --to 203.0.113.11 --protocol icmp --icmp_type 256", "from 0 to 255"},
      {"--from 198.51.100.7 --protocol icmp", "a packet has --from, --to and --protocol"},
  };
  for (const Question& row : rows) {
    const Ran ran = Trace(row.words);
    EXPECT_EQ(ran.code, 2) << row.words;
    EXPECT_THAT(ran.errors, HasSubstr(row.answer)) << row.words;
  }
}

}  // namespace
}  // namespace portmatrix
