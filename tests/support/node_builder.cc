// SPDX-License-Identifier: Apache-2.0
#include "tests/support/node_builder.h"

#include <algorithm>
#include <stdexcept>

#include "agent/policy/protocol.h"

namespace portmatrix {
namespace {

const std::string kMatrix = "m";

Prefix PrefixOf(const std::string& text) {
  const size_t slash = text.find('/');
  const std::optional<Address> address = ParseAddress(text.substr(0, slash));
  if (!address) throw std::invalid_argument("not a prefix: " + text);
  if (slash == std::string::npos) return HostPrefix(*address);
  const int length = std::stoi(text.substr(slash + 1));
  return {.address = Masked(*address, length), .length = static_cast<uint8_t>(length)};
}

Interface& InterfaceOf(Node& node, const std::string& name) {
  for (Interface& interface : node.interfaces) {
    if (interface.name == name) return interface;
  }
  throw std::invalid_argument("no such interface: " + name);
}

}  // namespace

AddressSet Addresses(const std::vector<std::string>& prefixes) {
  if (prefixes.empty()) return AddressSet::Any();
  std::vector<Prefix> parsed;
  std::ranges::transform(prefixes, std::back_inserter(parsed), PrefixOf);
  return AddressSet::Of(std::move(parsed));
}

Match MakeMatch(const MatchRow& row) {
  Match match;
  match.from = Addresses(row.from);
  match.to = Addresses(row.to);
  match.any_protocol = row.protocols.empty();
  match.protocols = row.protocols;
  std::ranges::sort(match.protocols);
  match.ports = row.ports;
  match.source_ports = row.source_ports;
  match.icmp_type = row.icmp_type;
  match.icmp_code = row.icmp_code;
  return match;
}

Rule MakeRule(const std::string& interface, const RuleRow& row) {
  Rule rule;
  rule.key = interface + "/" + kMatrix + "/" + row.id;
  rule.direction = row.direction;
  rule.action = row.action;
  rule.state = row.state;
  rule.match = MakeMatch(row.match);
  return rule;
}

FailsafeEntry MakeFailsafe(const MatchRow& row) {
  FailsafeEntry entry;
  entry.match = MakeMatch(row);
  return entry;
}

Interface MakeInterface(const std::string& name, const std::string& device,
                        const std::vector<std::string>& local, const std::vector<RuleRow>& rules) {
  Interface interface;
  interface.name = name;
  interface.devices = {device};
  interface.local = Addresses(local);
  interface.ethertypes = {ethertype::kArp};
  for (const RuleRow& row : rules) interface.rules.push_back(MakeRule(name, row));
  return interface;
}

Rule& RuleOf(Node& node, const std::string& interface, const std::string& id) {
  for (Rule& rule : InterfaceOf(node, interface).rules) {
    if (rule.id() == id) return rule;
  }
  throw std::invalid_argument("no such rule: " + id);
}

void RemoveRule(Node& node, const std::string& interface, const std::string& id) {
  std::erase_if(InterfaceOf(node, interface).rules,
                [&id](const Rule& rule) { return rule.id() == id; });
}

}  // namespace portmatrix
