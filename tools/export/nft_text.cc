// SPDX-License-Identifier: Apache-2.0
#include "tools/export/nft_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>
#include <vector>

#include "agent/policy/ethertypes.h"
#include "agent/policy/prefix_text.h"
#include "tools/export/nft_match.h"
#include "tools/rule_text.h"

namespace portmatrix {
namespace {

constexpr size_t kMaxCommentBytes = 127;  // NFTNL_UDATA_COMMENT_MAXLEN, with its zero

// Sources that no packet from outside has; the interface's own addresses stand beside them.
constexpr const char* kForbidden[] = {"127.0.0.0/8", "224.0.0.0/4", "255.255.255.255", "::1",
                                      "ff00::/8"};

constexpr const char* kPreamble =
    "# What netdev chains cannot say, or nft has no words for, is left out; every gap but the last "
    "two drops more than\n"
    "# the policy does:\n"
    "# - conversations: answers to what `out` rules opened, and ICMP errors about anything, are "
    "dropped\n"
    "# - later fragments are dropped, whatever became of their first\n"
    "# - frames with two VLAN tags are dropped, and on send those whose only tag stands in the "
    "frame itself\n"
    "# - Authentication Headers, and mobility, host identity and shim6 headers over IPv6, are not "
    "read on from\n"
    "# - `log: true` logs nothing, an expiry does not come, audit passes without a count of its "
    "own\n"
    "# - a packet whose source is its destination is not taken for spoofed\n"
    "# - what Portmatrix calls malformed is judged by what can be read of it\n";

std::string Comment(std::string text) {
  if (text.size() > kMaxCommentBytes) text = ".." + text.substr(text.size() - kMaxCommentBytes + 2);
  return fmt::format("comment \"{}\"", text);
}

// "hook_in_1": devices may be called what chains may not.
std::string HookName(Direction direction, size_t number) {
  return fmt::format("hook_{}_{}", ToString(direction), number);
}

std::string ChainName(const char* kind, const Interface& interface) {
  return fmt::format("{}_{}", kind, interface.name);
}

class Text {
 public:
  explicit Text(const Node& node) : node_(node) {}

  std::string Write() {
    text_ = fmt::format(
        "# node {}, as far as nftables can express it at the netdev hooks\n{}\n"
        "table netdev {}\ndelete table netdev {}\ntable netdev {} {{\n",
        node_.name, kPreamble, kNftTable, kNftTable, kNftTable);
    for (const LiveSet& set : node_.live_sets)
      for (const Family family : {Family::kIpv4, Family::kIpv6}) WriteLiveSet(set, family);
    for (const Interface& interface : node_.interfaces) {
      WriteIn(interface);
      WriteAnswers(interface);
      WriteOut(interface);
    }
    WriteHooks();
    return text_ + "}\n";
  }

 private:
  void Line(const std::string& line) { text_ += "    " + line + "\n"; }
  void Open(const std::string& chain) { text_ += fmt::format("  chain {} {{\n", chain); }
  void Close() { text_ += "  }\n\n"; }

  // Empty, as every dynamic set is before somebody fills it.
  void WriteLiveSet(const LiveSet& set, Family family) {
    text_ += fmt::format("  set {} {{\n    type {}; size {}; flags interval, timeout;\n  }}\n\n",
                         NftLiveSet(set, family),
                         family == Family::kIpv4 ? "ipv4_addr" : "ipv6_addr", set.max);
  }

  // A drop, or what audit makes of it.
  static const char* DropWord(const Interface& interface) {
    return interface.mode == Mode::kAudit ? "accept" : "drop";
  }

  void Conclude(const std::string& condition, const char* verdict, const std::string& name) {
    Line(fmt::format("{}{}counter {} {}", condition, condition.empty() ? "" : " ", verdict,
                     Comment(name)));
  }

  void WriteNotIp(const Interface& interface) {
    std::vector<std::string> types;
    for (const uint16_t type : interface.ethertypes) {
      // A length, or what the kernel writes in its place (802.2, and Novell's raw 802.3).
      if (type == 0) {
        Conclude("meta protocol < 0x0600", "accept", "ethertype");
      } else {
        types.push_back(fmt::format("0x{:04x}", type));
      }
    }
    Conclude("meta protocol " + NftSet(types), "accept", "ethertype");
    Conclude("meta protocol != { ip, ip6 }", DropWord(interface), "ethertype");
    Conclude("ip frag-off & 0x1fff != 0", DropWord(interface), "fragment");
    Conclude("frag frag-off != 0", DropWord(interface), "fragment");
  }

  void WriteNeighbour(const Interface& interface, Direction direction, const std::string& rules) {
    Conclude("ip protocol igmp ip ttl 1 ip daddr 224.0.0.0/4", "accept", "neighbour");
    Conclude(
        "ip6 hoplimit 1 ip6 saddr { ::, fe80::/10 } meta l4proto icmpv6 icmpv6 type "
        "{ 130, 131, 132, 143 }",
        "accept", "neighbour");
    Line("frag more-fragments 1 goto " + rules);
    const bool advertised = direction == Direction::kIn && interface.router_advertisements;
    Conclude(fmt::format("ip6 hoplimit 255 meta l4proto icmpv6 icmpv6 type {{ 133, {}135, 136 }} "
                         "icmpv6 code 0",
                         advertised ? "134, " : ""),
             "accept", "neighbour");
    Line("goto " + rules);
  }

  void WriteDhcp(const Interface& interface, Direction direction) {
    if (!interface.dhcp_client) return;
    const bool in = direction == Direction::kIn;
    Conclude(fmt::format("meta protocol ip udp sport {} udp dport {}", in ? 67 : 68, in ? 68 : 67),
             "accept", "dhcp");
    Conclude(
        fmt::format("meta protocol ip6 udp sport {} udp dport {}", in ? 547 : 546, in ? 546 : 547),
        "accept", "dhcp");
  }

  void WriteSpoofed(const Interface& interface) {
    std::vector<Prefix> sources = interface.local.prefixes();
    for (const char* forbidden : kForbidden)
      sources.push_back(std::get<Prefix>(ParsePrefix(forbidden)));
    const AddressSet set = AddressSet::Of(std::move(sources));
    Conclude("ip saddr " + NftSet(PrefixesOf(set, Family::kIpv4)), DropWord(interface), "spoofed");
    Conclude("ip6 saddr " + NftSet(PrefixesOf(set, Family::kIpv6)), DropWord(interface), "spoofed");
  }

  void WriteIn(const Interface& interface) {
    Open(ChainName("rules_in", interface));
    WriteDhcp(interface, Direction::kIn);
    WriteSpoofed(interface);
    for (const FailsafeEntry& entry : node_.failsafe) {
      for (const std::string& match : NftMatches(entry.match))
        Conclude(match, "accept", "failsafe");
    }
    for (const Rule& rule : interface.rules) {
      if (rule.direction != Direction::kIn || !WriteState(rule)) continue;
      for (const std::string& match : NftMatches(rule.match, node_.live_sets)) {
        Conclude(match, rule.action == Action::kAllow ? "accept" : DropWord(interface), rule.key);
      }
    }
    WriteDefault(interface);
    Close();
    Open(ChainName("in", interface));
    WriteNotIp(interface);
    WriteNeighbour(interface, Direction::kIn, ChainName("rules_in", interface));
    Close();
  }

  void WriteDefault(const Interface& interface) {
    const bool pass = interface.default_verdict == Verdict::kPass;
    Conclude("", pass ? "accept" : DropWord(interface), "default");
  }

  // Is the rule in force? Else a line that says why not.
  bool WriteState(const Rule& rule) {
    if (rule.state == RuleState::kActive) return true;
    Line(fmt::format("# {}: {}", StateText(rule.state), rule.key));
    return false;
  }

  // Who answers an `in` rule passes without state, unless it opens something itself.
  void WriteAnswers(const Interface& interface) {
    Open(ChainName("failsafe_answers", interface));
    WriteOpening();
    for (const FailsafeEntry& entry : node_.failsafe) {
      for (const std::string& match : NftAnswers(entry.match))
        Conclude(match, "accept", "failsafe");
    }
    Close();
    Open(ChainName("answers", interface));
    WriteOpening();
    for (const Rule& rule : interface.rules) {
      if (rule.direction != Direction::kIn || rule.state != RuleState::kActive) continue;
      for (const std::string& match : NftAnswers(rule.match, node_.live_sets)) {
        if (rule.action == Action::kAllow) {
          Conclude(match, "accept", "reply " + rule.key);
        } else {
          Line(match + (match.empty() ? "return" : " return"));
        }
      }
    }
    Close();
  }

  void WriteOpening() {
    Line("meta l4proto tcp tcp flags & (syn | ack) == syn return");
    Line("meta l4proto sctp sctp chunk init exists return");
    // Of ICMP, echo replies alone are answers.
    Line("meta protocol ip meta l4proto icmp icmp type != 0 return");
    Line("meta protocol ip meta l4proto icmp icmp code != 0 return");
    Line("meta protocol ip6 meta l4proto icmpv6 icmpv6 type != 129 return");
    Line("meta protocol ip6 meta l4proto icmpv6 icmpv6 code != 0 return");
  }

  void WriteOut(const Interface& interface) {
    const std::string answers = ChainName("answers", interface);
    Open(ChainName("rules_out", interface));
    WriteDhcp(interface, Direction::kOut);
    Line("jump " + ChainName("failsafe_answers", interface));
    for (const Rule& rule : interface.rules) {
      if (rule.direction != Direction::kOut || !WriteState(rule)) continue;
      for (const std::string& match : NftMatches(rule.match, node_.live_sets)) {
        // Deny forbids opening, never answering.
        if (rule.action == Action::kDeny) {
          Line(fmt::format("{}{}jump {}", match, match.empty() ? "" : " ", answers));
        }
        Conclude(match, rule.action == Action::kAllow ? "accept" : DropWord(interface), rule.key);
      }
    }
    Line("jump " + answers);
    WriteDefault(interface);
    Close();
    Open(ChainName("out", interface));
    WriteNotIp(interface);
    WriteNeighbour(interface, Direction::kOut, ChainName("rules_out", interface));
    Close();
  }

  void WriteHooks() {
    std::vector<std::string> devices;
    for (const Interface& interface : node_.interfaces) {
      for (const std::string& device : interface.devices) {
        if (std::ranges::find(devices, device) == devices.end()) devices.push_back(device);
      }
    }
    for (size_t i = 0; i < devices.size(); ++i) {
      for (const Direction direction : {Direction::kIn, Direction::kOut}) {
        WriteHook(devices[i], direction, i + 1);
      }
    }
  }

  // The tag selects the interface: exactly, then `any`; tag 0 is as if absent.
  void WriteHook(const std::string& device, Direction direction, size_t number) {
    using Kind = VlanSelector::Kind;
    Open(HookName(direction, number));
    Line(fmt::format("type filter hook {} device \"{}\" priority 0; policy drop;",
                     direction == Direction::kIn ? "ingress" : "egress", device));
    Conclude("meta protocol { 8021q, 8021ad }", "drop", "vlan");
    const Interface* any = nullptr;
    const Interface* none = nullptr;
    for (const Interface& interface : node_.interfaces) {
      if (std::ranges::find(interface.devices, device) == interface.devices.end()) continue;
      const std::string chain = ChainName(ToString(direction), interface);
      if (interface.vlan.kind == Kind::kAny) any = &interface;
      if (interface.vlan.kind == Kind::kNone) none = &interface;
      if (interface.vlan.kind != Kind::kTags) continue;
      if (interface.vlan.inner != 0) {
        Line(fmt::format("# not expressed: {}, two tags", interface.name));
        continue;
      }
      for (const char* type : {"8021q", "8021ad"}) {
        Line(fmt::format("ether type {} vlan id {} goto {}", type, interface.vlan.outer, chain));
      }
    }
    if (none != nullptr) {
      const std::string chain = ChainName(ToString(direction), *none);
      for (const char* type : {"8021q", "8021ad"})
        Line(fmt::format("ether type {} vlan id 0 goto {}", type, chain));
      Line("ether type != { 8021q, 8021ad } goto " + chain);
    }
    if (any != nullptr) Line("goto " + ChainName(ToString(direction), *any));
    Conclude("", "drop", "vlan");
    Close();
  }

  const Node& node_;
  std::string text_;
};

}  // namespace

std::string NftText(const Node& node) { return Text(node).Write(); }

}  // namespace portmatrix
