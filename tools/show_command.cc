// SPDX-License-Identifier: Apache-2.0
// `portmatrix show`: the effective matrix of a node, in the order in which its rules are judged.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gflags/gflags.h>

#include <algorithm>
#include <string>
#include <vector>

#include "agent/policy/interface_checks.h"
#include "agent/policy/moment.h"
#include "tools/commands.h"
#include "tools/export/nft_text.h"
#include "tools/export/policy_tables.h"
#include "tools/interface_text.h"
#include "tools/loaded_policy.h"
#include "tools/policy_choice.h"
#include "tools/rule_text.h"
#include "tools/screen.h"
#include "tools/table.h"

DECLARE_bool(json);
DECLARE_string(node);
DECLARE_string(format);

namespace portmatrix {
namespace {

using nlohmann::ordered_json;

std::string InterfaceLine(const Interface& interface) {
  constexpr size_t kShownPrefixes = 8;
  std::vector<std::string> local = LocalTexts(interface);
  if (local.size() > kShownPrefixes) {
    const size_t more = local.size() - kShownPrefixes;
    local.resize(kShownPrefixes);
    local.push_back(fmt::format("{} more", more));
  }
  return fmt::format("  {}: device {}, vlan {}, mode {}, default {}, local {}\n", interface.name,
                     fmt::join(interface.devices, ", "), ToString(interface.vlan),
                     ModeWord(interface.mode), DefaultWord(interface.default_verdict),
                     fmt::join(local, ", "));
}

std::string LiveSetLine(const LiveSet& set) {
  return fmt::format("  {}: dynamic set, up to {} entries that come at run time\n", set.name,
                     set.max);
}

// Rules count from 1 for each direction of an interface; those that do not take part have no
// number.
class Numbering {
 public:
  std::string Next(const Rule& rule) {
    if (rule.state != RuleState::kActive) return "-";
    return std::to_string(++last_[static_cast<size_t>(rule.direction)]);
  }

 private:
  size_t last_[PM_DIRECTIONS] = {};
};

std::string StateCell(const Rule& rule) {
  std::string state = StateText(rule.state);
  if (rule.state == RuleState::kActive && rule.expires)
    state += " until " + MomentText(*rule.expires);
  if (rule.match.is_live()) state += ", dynamic";
  if (rule.log) state += ", log";
  return state;
}

std::string TextOf(const Node& node) {
  std::string text = Paint(stdout, Colour::kBold, fmt::format("node {}", node.name)) + "\n";
  for (const Interface& interface : node.interfaces) text += InterfaceLine(interface);
  for (const LiveSet& set : node.live_sets) text += LiveSetLine(set);
  std::vector<std::vector<std::string>> rows = {{"INTERFACE", "DIRECTION", "ORDER", "RULE", "FROM",
                                                 "TO", "PROTOCOL", "PORTS", "ACTION", "STATE"}};
  for (const FailsafeEntry& entry : node.failsafe) {
    rows.push_back({"(all)", "in", "0", "failsafe", entry.from_text,
                    entry.to_text.empty() ? "any" : entry.to_text, ProtocolText(entry.match),
                    PortText(entry.match), "allow", "active"});
  }
  for (const Interface& interface : node.interfaces) {
    Numbering numbering;
    for (const Rule& rule : interface.rules) {
      rows.push_back({interface.name, ToString(rule.direction), numbering.Next(rule), rule.key,
                      rule.text().from, rule.text().to, ProtocolText(rule.match),
                      PortText(rule.match), ToString(rule.action), StateCell(rule)});
    }
  }
  return text + "\n" + AlignedTable(rows, {2});
}

ordered_json ServiceJson(const Match& match) {
  const auto ranges = [](const std::vector<PortRange>& ports) {
    ordered_json list = ordered_json::array();
    for (const PortRange& range : ports) list.push_back({range.first, range.last});
    return list;
  };
  ordered_json json;
  json["protocols"] = match.any_protocol ? ordered_json("any") : ordered_json(match.protocols);
  json["ports"] = match.ports.empty() ? ordered_json("any") : ranges(match.ports);
  json["source_ports"] =
      match.source_ports.empty() ? ordered_json("any") : ranges(match.source_ports);
  json["icmp_type"] = match.icmp_type ? ordered_json(*match.icmp_type) : ordered_json();
  json["icmp_code"] = match.icmp_code ? ordered_json(*match.icmp_code) : ordered_json();
  return json;
}

ordered_json RuleJson(const Rule& rule, const std::string& order, const Sources& sources) {
  ordered_json json;
  json["rule"] = rule.key;
  json["direction"] = ToString(rule.direction);
  json["order"] = order == "-" ? ordered_json() : ordered_json(std::stoul(order));
  json["from"] = rule.text().from;
  json["to"] = rule.text().to;
  json.update(ServiceJson(rule.match));
  json["action"] = ToString(rule.action);
  json["state"] = StateText(rule.state);
  json["expires"] = rule.expires ? ordered_json(MomentText(*rule.expires)) : ordered_json();
  json["log"] = rule.log;
  json["dynamic"] = rule.match.is_live();
  json["description"] = rule.text().description;
  json["place"] = Place(sources, rule.span);
  return json;
}

ordered_json InterfaceJson(const Interface& interface, const Sources& sources) {
  ordered_json json;
  json["interface"] = interface.name;
  json["devices"] = interface.devices;
  json["vlan"] = ToString(interface.vlan);
  json["local"] = LocalTexts(interface);
  json["mode"] = ModeWord(interface.mode);
  json["default"] = DefaultWord(interface.default_verdict);
  json["xdp"] = XdpWord(interface.xdp);
  json["dhcp"] = DhcpWord(interface);
  json["router_advertisements"] = RouterAdvertisementsWord(interface);
  json["ethertypes"] = EthertypeWords(interface);
  json["rules"] = ordered_json::array();
  Numbering numbering;
  for (const Rule& rule : interface.rules)
    json["rules"].push_back(RuleJson(rule, numbering.Next(rule), sources));
  return json;
}

ordered_json JsonOf(const Node& node, const Sources& sources) {
  ordered_json json;
  json["node"] = node.name;
  json["dynamic_sets"] = ordered_json::array();
  for (const LiveSet& set : node.live_sets) {
    ordered_json each;
    each["set"] = set.name;
    each["max"] = set.max;
    each["place"] = Place(sources, set.span);
    json["dynamic_sets"].push_back(std::move(each));
  }
  json["failsafe"] = ordered_json::array();
  for (const FailsafeEntry& entry : node.failsafe) {
    ordered_json each;
    each["from"] = entry.from_text;
    each["to"] = entry.to_text.empty() ? "any" : entry.to_text;
    each.update(ServiceJson(entry.match));
    each["place"] = Place(sources, entry.span);
    json["failsafe"].push_back(std::move(each));
  }
  json["interfaces"] = ordered_json::array();
  for (const Interface& interface : node.interfaces)
    json["interfaces"].push_back(InterfaceJson(interface, sources));
  return json;
}

int RunShow(const std::vector<std::string>& arguments);

}  // namespace

const Command kShowCommand = {
    "show",
    "PATH... [--node NAME] [--format table|markdown|csv|json|nft]",
    "the effective matrix of a node, as a table, document or nftables ruleset",
    "Prints what the policy means on one node: each interface with its addresses, and each rule "
    "with the\n"
    "direction that follows from them, in the order of judgement (first match wins; ORDER counts "
    "the rules\n"
    "of a direction that take part). Rules that are disabled, expired, or inactive because they "
    "speak of\n"
    "another interface's addresses are shown as such, and so are those that depend on a dynamic "
    "set (see\n"
    "`portmatrix help set`). --node may be left out where the policy has one. Needs no privilege.\n"
    "\n"
    "--format markdown is a page for people who do not read YAML, csv is for spreadsheets (and "
    "`import`), json\n"
    "is what --json prints. nft is a ruleset for `nft -f` on the same devices: linear rules with "
    "counters at the\n"
    "netdev hooks, to compare with; it begins with what it cannot express (conversations above "
    "all), and is no\n"
    "replacement.\n"
    "\n"
    "  portmatrix show policies/lync-2013-edge --node edge1\n"
    "  portmatrix --json show common profiles/full --node edge1\n"
    "  portmatrix show policies/examples/gateway --node gateway1 --format markdown\n"
    "  portmatrix show policies/examples/gateway --node gateway1 --format nft | nft -c -f -\n"
    "\n"
    "exit codes: 0 shown, 1 a file cannot be read, 2 usage, 3 the policy has errors",
    {"node", "format"},
    RunShow,
};

namespace {

int RunShow(const std::vector<std::string>& arguments) {
  if (arguments.empty()) return UsageError(kShowCommand, "name at least one PATH");
  const std::string format = FLAGS_format.empty() ? (FLAGS_json ? "json" : "table") : FLAGS_format;
  static const std::vector<std::string> kFormats = {"table", "markdown", "csv", "json", "nft"};
  if (std::ranges::find(kFormats, format) == kFormats.end())
    return UsageError(kShowCommand, "--format is table, markdown, csv, json or nft");
  if (FLAGS_json && format != "json")
    return UsageError(kShowCommand, "--json and --format contradict each other");
  const auto loaded = LoadPolicy(arguments, FLAGS_node);
  PrintProblems(*loaded);
  if (loaded->exit_code() != kExitOk) return loaded->exit_code();
  const Node* chosen = nullptr;
  if (const int code = ChooseNode(kShowCommand, *loaded, &chosen); code != kExitOk) return code;
  const Node& node = *chosen;
  if (format == "json") {
    PrintJson(JsonOf(node, loaded->sources()));
  } else if (format == "markdown") {
    fmt::print("{}", MarkdownText(node, loaded->policy));
  } else if (format == "csv") {
    fmt::print("{}", CsvText(node));
  } else if (format == "nft") {
    fmt::print("{}", NftText(node));
  } else {
    fmt::print("{}", TextOf(node));
  }
  return kExitOk;
}

}  // namespace
}  // namespace portmatrix
