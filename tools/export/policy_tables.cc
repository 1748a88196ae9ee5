// SPDX-License-Identifier: Apache-2.0
#include "tools/export/policy_tables.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <vector>

#include "agent/policy/interface_checks.h"
#include "agent/policy/moment.h"
#include "tools/rule_text.h"

namespace portmatrix {
namespace {

using Cells = std::vector<std::string>;

// Nothing in a cell of a pipe table may end it, or be taken for markup.
std::string MarkdownCell(const std::string& text) {
  std::string cell;
  for (const char c : text) {
    if (std::string_view("|*_`<>[]\\&").find(c) != std::string_view::npos) cell += '\\';
    cell += c == '\n' ? ' ' : c;
  }
  return cell;
}

std::string MarkdownRow(const Cells& cells) {
  std::string row = "|";
  for (const std::string& cell : cells)
    row += " " + MarkdownCell(cell) + (cell.empty() ? "|" : " |");
  return row + "\n";
}

std::string MarkdownTable(const Cells& columns, const std::vector<Cells>& rows) {
  std::string text = MarkdownRow(columns) + "|";
  for (size_t i = 0; i < columns.size(); ++i) text += "---|";
  text += "\n";
  for (const Cells& row : rows) text += MarkdownRow(row);
  return text + "\n";
}

// "443", "50000-59999", "all" and for ICMP "type 8".
std::string MarkdownPorts(const Match& match) {
  const std::string text = PortText(match);
  return text == "any" ? "" : text;
}

std::string StateCell(const Rule& rule) {
  std::string state = StateText(rule.state);
  if (rule.state == RuleState::kActive && rule.expires)
    state += " until " + MomentText(*rule.expires);
  return rule.log ? state + ", logged" : state;
}

std::string InterfaceText(const Interface& interface) {
  std::vector<std::string> local;
  for (const Prefix& prefix : interface.local.prefixes()) local.push_back(ToString(prefix));
  std::string text = fmt::format(
      "## Interface `{}`\n\n"
      "Device {}, VLAN {}, mode {}, default {}. It protects {}.\n\n",
      interface.name, fmt::join(interface.devices, ", "), ToString(interface.vlan),
      interface.mode == Mode::kAudit ? "audit" : "enforce",
      interface.default_verdict == Verdict::kPass ? "pass" : "drop", fmt::join(local, ", "));
  for (const Direction direction : {Direction::kIn, Direction::kOut}) {
    std::vector<Cells> rows;
    size_t order = 0;
    for (const Rule& rule : interface.rules) {
      if (rule.direction != direction) continue;
      const bool active = rule.state == RuleState::kActive;
      rows.push_back({active ? std::to_string(++order) : "-", rule.key, rule.text().from,
                      rule.text().to, ProtocolText(rule.match), MarkdownPorts(rule.match),
                      ToString(rule.action), StateCell(rule), rule.text().description});
    }
    text += direction == Direction::kIn ? "### In\n\n" : "### Out\n\n";
    text += rows.empty() ? "Nothing.\n\n"
                         : MarkdownTable({"Order", "Rule", "From", "To", "Protocol", "Ports",
                                          "Action", "State", "Description"},
                                         rows);
  }
  return text;
}

// The names in a rule's `from` or `to`, as it was written: "access, 10.0.0.0/8".
void CollectNames(const std::string& terms, const Policy& policy, const WrittenNode& node,
                  std::map<std::string, const WrittenSet*>& sets) {
  for (size_t at = 0; at < terms.size();) {
    const size_t end = std::min(terms.find(", ", at), terms.size());
    const std::string name = terms.substr(at, end - at);
    at = end + 2;
    const WrittenSet* set = policy.FindSet(node, name);
    if (set == nullptr || !sets.emplace(name, set).second) continue;
    for (const AddressTerm& term : set->content.terms) {
      if (term.kind == AddressTerm::Kind::kSet) CollectNames(term.name, policy, node, sets);
    }
  }
}

std::string SetsText(const Node& node, const Policy& policy) {
  const WrittenNode* written = policy.FindNode(node.name);
  if (written == nullptr) return "";
  std::map<std::string, const WrittenSet*> sets;
  for (const FailsafeEntry& entry : node.failsafe) {
    CollectNames(entry.from_text, policy, *written, sets);
    CollectNames(entry.to_text, policy, *written, sets);
  }
  for (const Interface& interface : node.interfaces) {
    for (const Rule& rule : interface.rules) {
      CollectNames(rule.text().from, policy, *written, sets);
      CollectNames(rule.text().to, policy, *written, sets);
    }
  }
  if (sets.empty()) return "";
  std::vector<Cells> rows;
  for (const auto& [name, set] : sets) {
    const AddressTerms& content = set->content;
    if (set->live_max) {
      rows.push_back(
          {name, fmt::format("dynamic: up to {} that come at run time", *set->live_max)});
      continue;
    }
    rows.push_back({name, content.listed ? fmt::format("{} prefixes of {}", content.listed->size(),
                                                       content.text)
                                         : content.text});
  }
  return "## Sets\n\n" + MarkdownTable({"Set", "Addresses"}, rows);
}

std::string FailsafeText(const Node& node) {
  std::string text = "## Failsafe\n\n";
  if (node.failsafe.empty()) return text + "None.\n\n";
  std::vector<Cells> rows;
  for (const FailsafeEntry& entry : node.failsafe) {
    rows.push_back({entry.from_text, entry.to_text.empty() ? "any" : entry.to_text,
                    ProtocolText(entry.match), MarkdownPorts(entry.match)});
  }
  return text + "Judged before all rules of every interface.\n\n" +
         MarkdownTable({"From", "To", "Protocol", "Ports"}, rows);
}

std::string CsvCell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

std::string CsvRow(const Cells& cells) {
  std::string row;
  for (const std::string& cell : cells) row += (&cell == &cells.front() ? "" : ",") + CsvCell(cell);
  return row + "\r\n";
}

Cells ServiceCells(const Match& match) {
  Match bare = match;
  bare.source_ports.clear();
  const bool icmp = match.icmp_type.has_value();
  Match source;
  source.ports = match.source_ports;
  return {ProtocolText(match), icmp ? "" : PortText(bare),
          match.source_ports.empty() ? "" : PortText(source),
          icmp ? std::to_string(*match.icmp_type) : "",
          match.icmp_code ? std::to_string(*match.icmp_code) : ""};
}

}  // namespace

std::string MarkdownText(const Node& node, const Policy& policy) {
  std::string text = fmt::format("# Port matrix of node `{}`\n\n", node.name);
  text += "First match wins, in each direction of each interface. Answers need no rule.\n\n";
  text += FailsafeText(node);
  for (const Interface& interface : node.interfaces) text += InterfaceText(interface);
  text += SetsText(node, policy);
  text.pop_back();
  return text;
}

std::string CsvText(const Node& node) {
  std::string text =
      CsvRow({"interface", "direction", "order", "rule", "from", "to", "protocol", "ports",
              "source_ports", "icmp_type", "icmp_code", "action", "state", "description"});
  const auto add = [&text](Cells place, const Match& match, const Cells& rest) {
    const Cells service = ServiceCells(match);
    place.insert(place.end(), service.begin(), service.end());
    place.insert(place.end(), rest.begin(), rest.end());
    text += CsvRow(place);
  };
  for (const FailsafeEntry& entry : node.failsafe) {
    add({"(all)", "in", "0", "failsafe", entry.from_text,
         entry.to_text.empty() ? "any" : entry.to_text},
        entry.match, {"allow", "active", ""});
  }
  for (const Interface& interface : node.interfaces) {
    size_t order[PM_DIRECTIONS] = {};
    for (const Rule& rule : interface.rules) {
      const bool active = rule.state == RuleState::kActive;
      const std::string number =
          active ? std::to_string(++order[static_cast<size_t>(rule.direction)]) : "";
      add({interface.name, ToString(rule.direction), number, rule.key, rule.text().from,
           rule.text().to},
          rule.match, {ToString(rule.action), StateText(rule.state), rule.text().description});
    }
  }
  return text;
}

}  // namespace portmatrix
