// SPDX-License-Identifier: Apache-2.0
// The nftables form of a policy against the policy: random policies are exported and loaded, and
// the kernel's nftables gives each frame that arrives or leaves the verdict, and counts it under
// the rule or reason, that the reference evaluator gives it.
//
// Only what a frame means by itself is compared, and only what the export expresses: the gaps that
// its own text names are left out here one by one.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <net/ethernet.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <numeric>
#include <thread>
#include <vector>

#include "agent/policy/evaluator.h"
#include "agent/policy/frame.h"
#include "agent/policy/packet.h"
#include "agent/policy/protocol.h"
#include "agent/policy/tuple.h"
#include "tests/kernel/command_line.h"
#include "tests/kernel/nftables.h"
#include "tests/support/node_builder.h"
#include "tests/support/random_frame.h"
#include "tests/support/random_policy.h"
#include "tests/support/source_tree.h"
#include "tools/export/nft_text.h"

#define NEEDS_NFTABLES()                                                            \
  do {                                                                              \
    if (const std::string why = WhyNoNftables(); !why.empty()) GTEST_SKIP() << why; \
  } while (false)

namespace portmatrix {
namespace {

using Counts = std::map<std::string, uint64_t>;

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

uint16_t Word(const std::vector<uint8_t>& bytes, size_t at) {
  return at + 1 < bytes.size() ? static_cast<uint16_t>(bytes[at] << 8 | bytes[at + 1])
                               : uint16_t{0};
}

bool IsTag(uint16_t type) { return type == ethertype::kVlan || type == ethertype::kServiceVlan; }

// Is there a header that nftables does not read on from?
bool HasUnreadHeader(Family family, std::span<const uint8_t> ip) {
  if (family == Family::kIpv4) return ip[9] == protocol::kAuthentication;
  uint8_t next = ip[6];
  for (size_t at = 40; at + 1 < ip.size();) {
    const uint8_t length = ip[at + 1];
    size_t bytes = 0;
    switch (next) {
      case protocol::kAuthentication:
      case protocol::kMobility:
      case protocol::kHostIdentity:
      case protocol::kShim6:
        return true;
      case protocol::kFragment:
        bytes = 8;
        break;
      case protocol::kHopByHop:
      case protocol::kRouting:
      case protocol::kDestinationOptions:
        bytes = (length + size_t{1}) * 8;
        break;
      default:
        return false;
    }
    next = ip[at];
    at += bytes;
  }
  return false;
}

// A packet socket hands longer frames over in pieces, of which nftables reads no transport header
// (Linux 6.18).
constexpr size_t kLongestFrame = 3000;

// "accept external/m/r", as the export names what becomes of the frame; empty where it does not
// say.
std::string Expected(const Node& node, const GeneratedFrame& frame) {
  const bool in = frame.direction == Direction::kIn;
  if (frame.segmented || frame.bytes.size() < ETH_HLEN || frame.bytes.size() > kLongestFrame)
    return "";
  if (IsTag(Word(frame.bytes, 12))) {
    if (!in) return "";
    // The kernel takes tags off before its hooks, and drops what ends there (Linux 6.18,
    // skb_vlan_untag).
    if (frame.bytes.size() < ETH_HLEN + 6 || IsTag(Word(frame.bytes, 16))) return "";
  }
  Evaluator evaluator(node);
  const Judgement judged =
      evaluator.Judge({.device = frame.device, .direction = frame.direction, .data = frame.bytes});
  if (judged.reason == PM_REASON_MALFORMED || judged.reason == PM_REASON_UNBOUND) return "";
  if (in && judged.reason == PM_REASON_REPLY) return "";
  const auto link = DecodeLink(frame.bytes);
  const bool six = link && link->ethertype == ethertype::kIpv6;
  if (link && (six || link->ethertype == ethertype::kIpv4)) {
    const Family family = six ? Family::kIpv6 : Family::kIpv4;
    const auto packet = DecodePacket(family, link->payload);
    if (!packet || packet->icmp_error || HasUnreadHeader(family, link->payload)) return "";
    if (TupleSource(packet->tuple) == TupleDestination(packet->tuple)) return "";
  }
  return fmt::format("{} {}{}", judged.verdict == Verdict::kPass ? "accept" : "drop",
                     judged.reason == PM_REASON_REPLY ? "reply " : "",
                     judged.rule != nullptr ? judged.rule->key : ReasonWord(judged.reason));
}

uint64_t Sum(const Counts& counts) {
  return std::accumulate(counts.begin(), counts.end(), uint64_t{0},
                         [](uint64_t sum, const auto& each) { return sum + each.second; });
}

// Frames that were sent arrive at their own pace.
Counts CountedAfter(Nftables& nftables, uint64_t packets) {
  Counts counted = nftables.Counted(kNftTable);
  for (int tries = 0; Sum(counted) < packets && tries < 100; ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    counted = nftables.Counted(kNftTable);
  }
  return counted;
}

std::string Text(const Counts& counts) {
  std::string text;
  for (const auto& [name, packets] : counts) text += fmt::format("  {} {}\n", packets, name);
  return text;
}

// Sends the frames one by one after a reload, to name the first that fares otherwise.
std::string FirstOutlier(Nftables& nftables, const Node& node,
                         const std::vector<GeneratedFrame>& frames) {
  for (const GeneratedFrame& frame : frames) {
    nftables.Load(NftText(node));
    nftables.Send(frame.device, frame.direction, frame.bytes);
    const Counts counted = CountedAfter(nftables, 1);
    const std::string expected = Expected(node, frame);
    if (counted == Counts{{expected, 1}}) continue;
    std::string hex;
    for (const uint8_t byte : frame.bytes) hex += fmt::format("{:02x}", byte);
    return fmt::format("on {}: expected {}, nftables counted\n{}{}", frame.device, expected,
                       Text(counted), hex);
  }
  return "each by itself fares as expected";
}

void LoadFor(Nftables& nftables, const Node& node) {
  for (const Interface& interface : node.interfaces) {
    for (const std::string& device : interface.devices) nftables.AddDevice(device);
  }
  ASSERT_EQ(nftables.Load(NftText(node), true), "");
  ASSERT_EQ(nftables.Load(NftText(node)), "") << NftText(node);
}

// "accept rule", "drop rule" and "accept reply" for what rules decide, else the reason.
std::string Kind(const std::string& name) {
  const size_t blank = name.find(' ');
  if (name.find('/') == std::string::npos) return name.substr(blank + 1);
  if (name.find("reply ") != std::string::npos) return "accept reply";
  return name.substr(0, blank) + " rule";
}

TEST(NftExport, JudgesFramesAsThePolicyDoes) {
  NEEDS_NFTABLES();
  const uint64_t frames = FromEnvironment("PORTMATRIX_PACKETS", 12000);
  const uint64_t seed = FromEnvironment("PORTMATRIX_SEED", 1);
  constexpr size_t kFramesAPolicy = 1000;
  const auto nftables = Nftables::Enter();
  Counts seen;
  uint64_t judged = 0, policies = 0;
  for (; judged < frames; ++policies) {
    Random random(seed + policies);
    const Node node = RandomNode(random);
    ASSERT_NO_FATAL_FAILURE(LoadFor(*nftables, node));
    FrameGenerator generator(node, seed + policies);
    std::vector<GeneratedFrame> sent;
    Counts expected;
    for (size_t tries = 0; sent.size() < kFramesAPolicy && tries < kFramesAPolicy * 20; ++tries) {
      GeneratedFrame frame = generator.Next();
      const std::string name = Expected(node, frame);
      if (name.empty()) continue;
      nftables->Send(frame.device, frame.direction, frame.bytes);
      ++expected[name];
      ++seen[Kind(name)];
      sent.push_back(std::move(frame));
    }
    const Counts counted = CountedAfter(*nftables, sent.size());
    ASSERT_EQ(Text(counted), Text(expected))
        << "policy seed " << seed + policies << "; " << FirstOutlier(*nftables, node, sent);
    judged += sent.size();
  }
  fmt::print("seed {}: {} frames, {} policies, no difference\n{}", seed, judged, policies,
             Text(seen));
  // Of everything something, or the comparison proves little.
  for (const char* name : {"accept rule", "drop rule", "accept reply", "failsafe", "neighbour",
                           "dhcp", "ethertype", "default", "vlan", "spoofed", "fragment"})
    EXPECT_GT(seen[name], judged / 5000) << name;
}

TEST(NftExport, OfEveryShippedPolicyLoadsTwice) {
  NEEDS_NFTABLES();
  const auto nftables = Nftables::Enter();
  struct Shipped {
    const char* paths;
    const char* node;
    std::vector<const char*> devices;
  };
  const Shipped rows[] = {
      {"lync-2013-edge/common {0}/lync-2013-edge/profiles/full", "edge1", {"eth0", "eth1"}},
      {"lync-2013-edge/common {0}/lync-2013-edge/profiles/functions", "edge2", {"eth0", "eth1"}},
      {"examples/gateway", "gateway1", {"eth0"}},
      {"examples/web-server", "web1", {"eth0"}},
      {"examples/branch-vlan", "branch1", {"eth0"}},
  };
  for (const Shipped& row : rows) {
    for (const char* device : row.devices) nftables->AddDevice(device);
    const std::string paths = fmt::format(fmt::runtime(std::string("{0}/") + row.paths),
                                          SourceTree().string() + "/policies");
    const Ran shown = RunCommand(fmt::format("show {} --node {} --format nft", paths, row.node));
    ASSERT_EQ(shown.code, 0) << shown.errors;
    EXPECT_EQ(nftables->Load(shown.output, true), "") << row.node;
    EXPECT_EQ(nftables->Load(shown.output), "") << row.node;
    EXPECT_EQ(nftables->Load(shown.output), "") << row.node;
  }
}

}  // namespace
}  // namespace portmatrix
