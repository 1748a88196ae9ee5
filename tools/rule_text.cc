// SPDX-License-Identifier: Apache-2.0
#include "tools/rule_text.h"

#include <fmt/format.h>

#include "agent/policy/service_reader.h"

namespace portmatrix {
namespace {

std::string RangesText(const std::vector<PortRange>& ranges) {
  if (ranges.empty()) return "any";
  std::string text;
  for (const PortRange& range : ranges) {
    if (!text.empty()) text += ", ";
    text += std::to_string(range.first);
    if (range.last != range.first) text += fmt::format("-{}", range.last);
  }
  return text;
}

}  // namespace

std::string ProtocolText(const Match& match) {
  if (match.any_protocol) return "any";
  std::string text;
  for (const uint8_t protocol : match.protocols) {
    if (!text.empty()) text += ", ";
    text += ProtocolWord(protocol);
  }
  return text;
}

std::string PortText(const Match& match) {
  if (match.icmp_type) {
    std::string text = fmt::format("type {}", *match.icmp_type);
    if (match.icmp_code) text += fmt::format(" code {}", *match.icmp_code);
    return text;
  }
  if (!match.source_ports.empty()) {
    return fmt::format("{} to {}", RangesText(match.source_ports), RangesText(match.ports));
  }
  return RangesText(match.ports);
}

const char* StateText(RuleState state) {
  switch (state) {
    case RuleState::kActive:
      return "active";
    case RuleState::kDisabled:
      return "disabled";
    case RuleState::kExpired:
      return "expired";
    case RuleState::kInactive:
      return "inactive";
  }
  return "inactive";
}

}  // namespace portmatrix
