// SPDX-License-Identifier: Apache-2.0
// `portmatrix replay`: a capture of odd packets and the line that each must get.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/kernel/command_line.h"
#include "tests/kernel/privilege.h"
#include "tests/support/capture_file.h"
#include "tests/support/packet_builder.h"

namespace portmatrix {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using namespace wire;

constexpr const char* kPolicy = R"(matrix: m
rules:
  - {id: web, from: any, to: host, protocol: tcp, ports: 443}
  - {id: no-telnet, from: any, to: host, protocol: tcp, ports: 23, action: deny}
  - {id: ping-in, from: any, to: host, protocol: icmp, icmp_type: 8}
  - {id: dns-out, from: host, to: any, protocol: udp, ports: 53}
---
matrix: watched
rules:
  - {id: ssh, from: any, to: other, protocol: tcp, ports: 22}
---
node: edge
sets: {host: [203.0.113.11, "2001:db8::11"], other: 203.0.113.12, tagged: 203.0.113.13}
failsafe:
  - {protocol: tcp, ports: 22, from: 192.0.2.0/28}
interfaces:
  external: {device: eth0, local: [host], matrices: [m]}
  vlan: {device: eth0, vlan: 100, local: [tagged], matrices: []}
  audited: {device: eth1, local: [other], matrices: [watched], mode: audit}
)";

const Ip kHost = "203.0.113.11", kPeer = "198.51.100.7", kAdmin = "192.0.2.1";
const Ip kHost6 = "2001:db8::11", kPeer6 = "2001:db8:f0::7";

Stack In() { return Ethernet{} / Ipv4{.source = kPeer, .destination = kHost}; }
Stack Out() { return Ethernet{} / Ipv4{.source = kHost, .destination = kPeer}; }
Stack In6() { return Ethernet{} / Ipv6{.source = kPeer6, .destination = kHost6}; }

Stack To(uint16_t port, uint8_t flags = kSyn) {
  return Tcp{.source_port = 50000, .destination_port = port, .flags = flags};
}
const Stack kQuery = Udp{.source_port = 40000, .destination_port = 53};
const Stack kAnswer = Udp{.source_port = 53, .destination_port = 40000};

struct Row {
  const char* name;
  Bytes bytes;
  // direction, verdict, reason and rule, as in "in allow rule external/m/web"
  const char* expected;
  uint64_t seconds = 0;  // since the first packet
  std::optional<uint32_t> wire_bytes = {};
};

Stack Chain(size_t headers) {
  Stack chain = In6();
  for (size_t i = 0; i < headers; ++i) chain = chain / Extension{};
  return chain / To(443);
}

std::vector<Row> OddPackets() {
  const char* const kWeb = "in allow rule external/m/web";
  return {
      {"opening to a rule", In() / To(443), kWeb},
      {"answer by the rule of the other direction",
       Out() / Tcp{.source_port = 443, .destination_port = 50000, .flags = kSyn | kAck},
       "out allow reply external/m/web"},
      {"denied", In() / To(23), "in drop rule external/m/no-telnet"},
      {"no rule", In() / To(8080), "in drop default"},
      {"failsafe", Ethernet{} / Ipv4{.source = kAdmin, .destination = kHost} / To(22),
       "in allow failsafe"},
      {"answer to nothing", In() / kAnswer, "in drop default"},
      {"query", Out() / kQuery, "out allow rule external/m/dns-out", 1},
      {"its answer", In() / kAnswer, "in allow reply external/m/dns-out", 2},
      {"error about it",
       Ethernet{} / Ipv4{.source = "192.0.2.99", .destination = kHost} /
           Icmp{.type = 3, .code = 1} / Ipv4{.source = kHost, .destination = kPeer} / kQuery,
       "in allow reply external/m/dns-out", 2},
      {"error about a query that was not sent",
       Ethernet{} / Ipv4{.source = "192.0.2.99", .destination = kHost} /
           Icmp{.type = 3, .code = 1} / Ipv4{.source = kHost, .destination = kPeer} /
           Udp{.source_port = 1, .destination_port = 53},
       "in drop default", 2},
      {"answer within its timeout", In() / kAnswer, "in allow reply external/m/dns-out", 180},
      {"answer after its timeout", In() / kAnswer, "in drop default", 181},
      {"a tag that an interface names",
       Ethernet{} / Vlan{.id = 100} / Ipv4{.source = kPeer, .destination = kHost} / To(443),
       "in drop default", 181},
      {"a tag that none names",
       Ethernet{} / Vlan{.id = 5} / Ipv4{.source = kPeer, .destination = kHost} / To(443),
       "in drop vlan", 181},
      {"two tags",
       Ethernet{} / Vlan{.id = 5, .tpid = 0x88a8} / Vlan{.id = 6} /
           Ipv4{.source = kPeer, .destination = kHost} / To(443),
       "in drop vlan", 181},
      {"a priority tag",
       Ethernet{} / Vlan{.id = 0, .priority = 5} / Ipv4{.source = kPeer, .destination = kHost} /
           To(443),
       kWeb, 181},
      {"three tags",
       Ethernet{} / Vlan{} / Vlan{} / Vlan{} / Ipv4{.source = kPeer, .destination = kHost} /
           To(443),
       "in drop malformed", 181},
      {"harmless options",
       Ethernet{} / Ipv4{.source = kPeer, .destination = kHost, .options = {1, 1, 7, 3, 4}} /
           To(443),
       kWeb, 181},
      {"source route",
       Ethernet{} / Ipv4{.source = kPeer, .destination = kHost, .options = {131, 3, 4}} / To(443),
       "in drop malformed", 181},
      {"header of four words",
       Ethernet{} / Ipv4{.source = kPeer, .destination = kHost, .header_words = 4} / To(443),
       "in drop malformed", 181},
      {"total length beyond the frame",
       Ethernet{} / Ipv4{.source = kPeer, .destination = kHost, .total_length = 1000} / To(443),
       "in drop malformed", 181},
      {"trailing bytes",
       Ethernet{} / Ipv4{.source = kPeer, .destination = kHost, .total_length = 40} / To(443) /
           Zeros(6),
       kWeb, 181},
      {"TCP of 16 bytes", In() / (Cut{16} / To(443)), "in drop malformed", 181},
      {"UDP length beyond", Out() / Udp{.source_port = 9, .destination_port = 53, .length = 20},
       "out drop malformed", 181},
      {"eight extension headers", Chain(8), kWeb, 181},
      {"nine extension headers", Chain(9), "in drop malformed", 181},
      {"routing header of type 0", In6() / Routing{.type = 0} / To(443), "in drop malformed", 181},
      {"atomic fragment", In6() / FragmentHeader{.identification = 7} / To(443), kWeb, 181},
      {"later fragment before its first",
       Ethernet{} /
           Ipv4{.source = kPeer,
                .destination = kHost,
                .identification = 9,
                .fragment_offset = 24,
                .protocol = protocol::kTcp} /
           Zeros(8),
       "in drop fragment", 181},
      {"first fragment",
       Ethernet{} /
           Ipv4{
               .source = kPeer, .destination = kHost, .identification = 9, .more_fragments = true} /
           To(443) / Zeros(4),
       kWeb, 181},
      {"its later fragment",
       Ethernet{} /
           Ipv4{.source = kPeer,
                .destination = kHost,
                .identification = 9,
                .fragment_offset = 24,
                .protocol = protocol::kTcp} /
           Zeros(8),
       kWeb, 181},
      {"later fragment inside the first's header",
       Ethernet{} /
           Ipv4{.source = kPeer,
                .destination = kHost,
                .identification = 9,
                .fragment_offset = 8,
                .protocol = protocol::kTcp} /
           Zeros(8),
       "in drop malformed", 181},
      {"first fragment without its header",
       Ethernet{} / Ipv4{.source = kPeer, .destination = kHost, .more_fragments = true} /
           (Cut{16} / To(443)),
       "in drop malformed", 181},
      {"land", Ethernet{} / Ipv4{.source = kHost, .destination = kHost} / To(443),
       "in drop spoofed", 181},
      {"ARP", Ethernet{.ethertype = 0x0806} / Zeros(28), "in allow ethertype", 181},
      {"IPX", Ethernet{.ethertype = 0x8137} / Zeros(28), "in drop ethertype", 181},
      {"neighbour solicitation",
       Ethernet{} / Ipv6{.source = kPeer6, .destination = kHost6, .hop_limit = 255} /
           Icmpv6{.type = 135},
       "in allow neighbour", 181},
      {"shorter than Ethernet", Bytes(13, 0), "in drop malformed", 181},
      {"captured short", Bytes((In() / To(443) / Zeros(1400)).Build()), kWeb, 181},
      {"jumbo frame sent", Out() / Tcp{.source_port = 443, .destination_port = 50000} / Zeros(9000),
       "out allow reply external/m/web", 181},
      {"super-packet sent",
       Out() / Tcp{.source_port = 443, .destination_port = 50000} / Zeros(65000),
       "out allow reply external/m/web", 181},
      {"jumbo frame sent whose length contradicts it",
       Ethernet{} / Ipv4{.source = kHost, .destination = kPeer, .total_length = 9999} /
           Tcp{.source_port = 443, .destination_port = 50000} / Zeros(9000),
       "out drop malformed", 181},
      {"merged packet received", In() / To(443, kAck) / Zeros(65000), kWeb, 181},
      {"cut inside the IP header sent", Bytes((Out() / To(443)).Build()), "in drop malformed", 181},
  };
}

// The rows as records: what a builder cannot say is done here.
std::vector<CaptureRecord> RecordsOf(const std::vector<Row>& rows) {
  constexpr uint64_t kBegin = 1'700'000'000'123'456'789;
  std::vector<CaptureRecord> records;
  for (const Row& row : rows) {
    CaptureRecord record{kBegin + row.seconds * PM_SECOND, row.bytes, {}};
    if (std::string(row.name) == "captured short") {
      record.wire_bytes = static_cast<uint32_t>(record.bytes.size());
      record.bytes.resize(96);
    }
    if (std::string(row.name) == "cut inside the IP header sent") record.bytes.resize(28);
    records.push_back(std::move(record));
  }
  return records;
}

std::vector<std::string> LinesOf(const std::vector<Row>& rows) {
  std::vector<std::string> lines;
  for (size_t i = 0; i < rows.size(); ++i) {
    char direction[4], verdict[6], reason[16], rule[64] = "";
    std::sscanf(rows[i].expected, "%3s %5s %15s %63s", direction, verdict, reason, rule);
    lines.push_back(
        fmt::format(R"({{"packet":{},"direction":"{}","verdict":"{}","reason":"{}","rule":{}{}}})",
                    i + 1, direction, verdict, reason, *rule ? fmt::format("\"{}\"", rule) : "null",
                    std::string(rows[i].name) == "captured short" ? ",\"truncated\":true" : ""));
  }
  return lines;
}

class ReplayTest : public testing::Test {
 protected:
  void SetUp() override {
    NEEDS_KERNEL();
    policy_ = folder_.Write("policy.yaml", std::string(kPolicy));
  }
  Ran Replay(const Bytes& capture, const std::string& flags) {
    return RunCommand("replay " + folder_.Write("capture", capture) + " --policy " + policy_ + " " +
                      flags);
  }

  const Folder folder_;
  std::string policy_;
};

TEST_F(ReplayTest, OddPacketsGetTheirLines) {
  const std::vector<Row> rows = OddPackets();
  const Ran ran = Replay(PcapFile(RecordsOf(rows)), "--interface external --node edge --json");
  EXPECT_EQ(ran.code, 0) << ran.errors;
  const std::vector<std::string> lines = portmatrix::LinesOf(ran.output), expected = LinesOf(rows);
  ASSERT_EQ(lines.size(), expected.size()) << ran.errors;
  for (size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(lines[i], expected[i]) << rows[i].name;
  EXPECT_THAT(ran.errors, HasSubstr("1 packet captured short"));
  EXPECT_THAT(ran.errors, HasSubstr("2 packets that the kernel does not test-run"));
}

TEST_F(ReplayTest, PcapngSaysTheSameAsPcap) {
  const std::vector<CaptureRecord> records = RecordsOf(OddPackets());
  const Ran pcap = Replay(PcapFile(records), "--interface external --json");
  const Ran pcapng = Replay(PcapngFile(records), "--interface external --json");
  EXPECT_EQ(pcapng.code, 0) << pcapng.errors;
  EXPECT_EQ(pcapng.output, pcap.output);
}

TEST_F(ReplayTest, AuditedDropIsADropThatAuditWouldPass) {
  const Bytes denied = Ethernet{} / Ipv4{.source = kPeer, .destination = "203.0.113.12"} / To(8080);
  const Ran ran = Replay(PcapFile({{0, denied}}), "--interface audited --json");
  EXPECT_EQ(ran.output,
            "{\"packet\":1,\"direction\":\"in\",\"verdict\":\"drop\",\"reason\":\"default\","
            "\"rule\":null,\"audit\":true}\n");
  EXPECT_THAT(Replay(PcapFile({{0, denied}}), "--interface audited").output,
              HasSubstr("0 allowed, 1 dropped (of which audit would pass 1)"));
}

TEST_F(ReplayTest, DirectionIsSaidForAllPackets) {
  const Bytes query = Out() / kQuery;
  EXPECT_THAT(Replay(PcapFile({{0, query}}), "--interface external --direction in --json").output,
              HasSubstr("\"direction\":\"in\",\"verdict\":\"drop\",\"reason\":\"spoofed\""));
}

TEST_F(ReplayTest, TimeThatGoesBackStandsStill) {
  const Ran ran = Replay(PcapFile({{200 * PM_SECOND, Out() / kQuery},
                                   {0, In() / kAnswer},
                                   {229 * PM_SECOND, In() / kAnswer}}),
                         "--interface external");
  EXPECT_THAT(ran.output, HasSubstr("allow    reply   in               2"));
  EXPECT_THAT(ran.errors, HasSubstr("1 packet with a time stamp before that of an earlier one"));
}

TEST_F(ReplayTest, SummaryIsByRuleAndReason) {
  const Ran ran = Replay(PcapFile({{0, In() / To(8080)},
                                   {500'000'000, In() / To(443)},
                                   {1'500'000'000, In() / To(443)},
                                   {2'000'000'000, Out() / kQuery}}),
                         "--interface external --node edge");
  const std::vector<std::string> lines = portmatrix::LinesOf(ran.output);
  ASSERT_EQ(lines.size(), 7u) << ran.output;
  EXPECT_EQ(lines[1], "4 packets in 2.000 s of capture time (3 in, 1 out): 3 allowed, 1 dropped");
  const std::string at = "  " + policy_ + ":";
  EXPECT_THAT(lines[3],
              MatchesRegex("verdict  reason   direction  packets  bytes  rule +written at"));
  EXPECT_EQ(lines[4], "allow    rule     in               2    108  external/m/web    " + at + "3");
  EXPECT_EQ(lines[5], "allow    rule     out              1     42  external/m/dns-out" + at + "6");
  EXPECT_EQ(lines[6], "drop     default  in               1     54  -                   -");
}

TEST_F(ReplayTest, LinesSayWhereTheRuleIsWrittenIfAsked) {
  const Bytes capture = PcapFile({{0, In() / To(443)}, {0, In() / To(8080)}});
  EXPECT_EQ(
      Replay(capture, "--interface external --json --written_at").output,
      "{\"packet\":1,\"direction\":\"in\",\"verdict\":\"allow\",\"reason\":\"rule\",\"rule\":"
      "\"external/m/web\",\"file\":\"" +
          policy_ +
          "\",\"line\":3}\n"
          "{\"packet\":2,\"direction\":\"in\",\"verdict\":\"drop\",\"reason\":\"default\",\"rule\":"
          "null,\"file\":null,\"line\":null}\n");
}

TEST_F(ReplayTest, RawIpIsGivenALinkHeader) {
  Bytes packet = In() / To(443);
  packet.erase(packet.begin(), packet.begin() + 14);
  const Ran ran = Replay(PcapFile({{0, packet}}, kLinkRaw), "--interface external --json");
  EXPECT_THAT(ran.output, HasSubstr("\"rule\":\"external/m/web\""));
}

// The capture comes through a pipe that stops for more than a second in the middle, as a live one
// does; conversations last over the pause.
TEST_F(ReplayTest, ReportsProgressOnceASecond) {
  constexpr size_t kBeforeThePause = 3000, kPackets = 5000;
  const std::vector<CaptureRecord> records(kPackets, CaptureRecord{0, Out() / kQuery, {}});
  const std::vector<uint8_t> capture = PcapFile(records);
  const size_t first = PcapFile({records.begin(), records.begin() + kBeforeThePause}).size();
  const std::string pipe = folder_.path() + "/pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const auto replay = [&](const std::string& flags) {
    std::thread writer([&] {
      std::ofstream file(pipe, std::ios::binary);
      const auto* bytes = reinterpret_cast<const char*>(capture.data());
      file.write(bytes, static_cast<std::streamsize>(first)).flush();
      std::this_thread::sleep_for(std::chrono::milliseconds(1100));
      file.write(bytes + first, static_cast<std::streamsize>(capture.size() - first));
    });
    Ran ran =
        RunCommand("replay - --policy " + policy_ + " --interface external " + flags + " <" + pipe);
    writer.join();
    EXPECT_EQ(ran.code, 0) << ran.errors;
    EXPECT_THAT(ran.output, HasSubstr("5,000 packets in"));
    return ran;
  };
  EXPECT_THAT(replay("--progress").errors, MatchesRegex("replay: 4096 packets, [0-9]+ a second\n"));
  EXPECT_EQ(replay("").errors, "") << "unasked only where a person looks";
}

struct Refusal {
  const char* name;
  Bytes capture;
  const char* flags;
  int code;
  const char* message;
};

TEST_F(ReplayTest, RefusesWithAWord) {
  const Bytes good = PcapFile({{0, In() / To(443)}});
  Bytes cut = good;
  cut.resize(cut.size() - 5);
  const Refusal rows[] = {
      {"cooked link type", PcapFile({}, kLinkLinuxSll), "--interface external", 1,
       "capture on the device by its name"},
      {"no capture", Bytes(40, 'x'), "--interface external", 1, "unknown file format"},
      {"cut off", cut, "--interface external", 1, "truncated dump file"},
      {"no such interface", good, "--interface internal", 2,
       "node edge has no interface `internal`; it has external, vlan and audited"},
      {"interface left out", good, "", 2, "say which interface with --interface"},
      {"no such node", good, "--interface external --node other", 3, "other"},
      {"neither in nor out", good, "--interface external --direction up", 2, "`in` or `out`"},
      {"a table with places asked for", good, "--interface external --written_at", 2,
       "--written_at goes with --json"},
  };
  for (const Refusal& row : rows) {
    const Ran ran = Replay(row.capture, row.flags);
    EXPECT_EQ(ran.code, row.code) << row.name << ": " << ran.errors;
    EXPECT_THAT(ran.errors, HasSubstr(row.message)) << row.name;
  }
}

TEST(ReplayWithoutPins, SaysSo) {
  NEEDS_KERNEL();
  const Folder folder;
  const std::string capture = folder.Write("capture", PcapFile({}));
  const Ran ran =
      RunCommand("replay " + capture + " --pin_root /sys/fs/bpf/nothing-here --interface x");
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.errors, HasSubstr("nothing is pinned under /sys/fs/bpf/nothing-here"));
}

}  // namespace
}  // namespace portmatrix
