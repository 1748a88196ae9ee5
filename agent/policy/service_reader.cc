// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/service_reader.h"

#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>

#include "agent/policy/scalar.h"
#include "agent/policy/suggestion.h"

namespace portmatrix {
namespace {

struct ProtocolName {
  const char* word;
  uint8_t number;
};
constexpr ProtocolName kProtocols[] = {{"tcp", IPPROTO_TCP},
                                       {"udp", IPPROTO_UDP},
                                       {"sctp", IPPROTO_SCTP},
                                       {"icmp", IPPROTO_ICMP},
                                       {"icmpv6", IPPROTO_ICMPV6}};

constexpr uint32_t kLastPort = 65535;

void ReadProtocols(const YamlNode& value, WrittenService& service, Diagnostics& diagnostics) {
  service.span = value.span;
  if (value.kind == YamlNode::Kind::kText && value.text == "any") {
    service.any_protocol = true;
    return;
  }
  for (const YamlNode& item : OneOrMany(value, "protocol", false, diagnostics)) {
    if (item.kind == YamlNode::Kind::kText && item.text == "any") {
      diagnostics.Error("bad-protocol", item.span,
                        "`any` stands for all protocols and so stands alone",
                        "write `protocol: any`, or leave it out of the list");
      continue;
    }
    const auto protocol = ReadProtocol(item, diagnostics);
    if (!protocol) continue;
    if (std::ranges::find(service.protocols, *protocol) != service.protocols.end()) {
      diagnostics.Error("listed-twice", item.span,
                        fmt::format("protocol `{}` is listed twice", item.text),
                        "remove one of them");
      continue;
    }
    service.protocols.push_back(*protocol);
  }
  std::ranges::sort(service.protocols);
}

std::optional<PortRange> ReadRange(const YamlNode& value, std::string_view thing,
                                   Diagnostics& diagnostics) {
  const size_t dash = value.text.find('-', 1);
  if (value.kind != YamlNode::Kind::kText || dash == std::string::npos) {
    const auto port = ReadPort(value, thing, diagnostics);
    if (!port) return std::nullopt;
    return PortRange{*port, *port};
  }
  const auto first = ParseNumber(std::string_view(value.text).substr(0, dash), kLastPort);
  const auto last = ParseNumber(std::string_view(value.text).substr(dash + 1), kLastPort);
  if (!first || !last) {
    diagnostics.Error("bad-port", value.span,
                      fmt::format("`{}` is no range of {}", value.text, thing),
                      "write it like 50000-59999, without blanks; ports go from 0 to 65535");
    return std::nullopt;
  }
  if (*first > *last) {
    diagnostics.Error("bad-range", value.span,
                      fmt::format("the range {} ends before it begins", value.text),
                      fmt::format("write {}-{}", *last, *first));
    return std::nullopt;
  }
  return PortRange{static_cast<uint16_t>(*first), static_cast<uint16_t>(*last)};
}

std::vector<PortRange> ReadRanges(const YamlNode& value, std::string_view thing,
                                  Diagnostics& diagnostics) {
  std::vector<PortRange> read;
  const auto items = OneOrMany(value, thing, false, diagnostics);
  read.reserve(items.size());
  for (const YamlNode& item : items) {
    if (const auto range = ReadRange(item, thing, diagnostics)) read.push_back(*range);
  }
  if (read.size() <= 1) return read;
  std::ranges::sort(read);
  std::vector<PortRange> merged;
  for (const PortRange& range : read) {
    if (!merged.empty() && range.first <= merged.back().last + 1) {
      merged.back().last = std::max(merged.back().last, range.last);
    } else {
      merged.push_back(range);
    }
  }
  return merged;
}

// `key` may stand only where every protocol is one that has it.
void CheckFits(const WrittenService& service, const char* key, const YamlNode* value,
               bool (*has)(uint8_t), const char* which, Diagnostics& diagnostics) {
  if (value == nullptr) return;
  std::string offender;
  if (service.any_protocol) offender = "any";
  for (const uint8_t protocol : service.protocols) {
    if (offender.empty() && !has(protocol)) offender = ProtocolWord(protocol);
  }
  if (offender.empty()) return;
  diagnostics.Error(
      "protocol-mismatch", value->span,
      fmt::format("`{}` does not go with protocol `{}`", key, offender),
      fmt::format("`{}` goes with {} only; split the rule, or remove the key", key, which));
}

std::optional<uint8_t> ReadByte(const YamlNode* value, const char* thing,
                                Diagnostics& diagnostics) {
  if (value == nullptr) return std::nullopt;
  const auto number = ReadNumber(*value, thing, 255, diagnostics);
  if (!number) return std::nullopt;
  return static_cast<uint8_t>(*number);
}

}  // namespace

bool HasPorts(uint8_t protocol) {
  return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP;
}

bool IsIcmp(uint8_t protocol) { return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6; }

std::string ProtocolWord(uint8_t protocol) {
  const auto known = std::ranges::find(kProtocols, protocol, &ProtocolName::number);
  return known != std::end(kProtocols) ? known->word : std::to_string(protocol);
}

std::optional<uint8_t> ParseProtocol(std::string_view text) {
  for (const ProtocolName& protocol : kProtocols) {
    if (text == protocol.word) return protocol.number;
  }
  const auto number = ParseNumber(text, 255);
  if (!number) return std::nullopt;
  return static_cast<uint8_t>(*number);
}

std::optional<uint8_t> ReadProtocol(const YamlNode& value, Diagnostics& diagnostics) {
  if (!Expect(value, YamlNode::Kind::kText, "protocol", diagnostics)) return std::nullopt;
  const auto protocol = ParseProtocol(value.text);
  if (!protocol) {
    std::vector<std::string> words;
    for (const ProtocolName& known : kProtocols) words.emplace_back(known.word);
    const std::string nearest = Nearest(value.text, words);
    const std::string rule = "a protocol is tcp, udp, sctp, icmp, icmpv6 or a number from 0 to 255";
    diagnostics.Error("bad-protocol", value.span, fmt::format("`{}` is no protocol", value.text),
                      nearest.empty() ? rule : fmt::format("did you mean `{}`? {}", nearest, rule));
  }
  return protocol;
}

std::optional<uint16_t> ReadPort(const YamlNode& value, std::string_view thing,
                                 Diagnostics& diagnostics) {
  if (!Expect(value, YamlNode::Kind::kText, thing, diagnostics)) return std::nullopt;
  const auto port = ParseNumber(value.text, kLastPort);
  if (!port) {
    diagnostics.Error("bad-port", value.span,
                      fmt::format("`{}` is no port for {}", value.text, thing),
                      "ports are decimal numbers from 0 to 65535, without leading zeros");
    return std::nullopt;
  }
  return static_cast<uint16_t>(*port);
}

WrittenService ReadService(Fields& fields, Diagnostics& diagnostics,
                           const WrittenService* inherited) {
  WrittenService service;
  const size_t errors = diagnostics.errors();
  const YamlNode* protocol = inherited != nullptr
                                 ? fields.Take("protocol")
                                 : fields.Require("protocol", "add `protocol: any`, or name it");
  if (protocol != nullptr) {
    ReadProtocols(*protocol, service, diagnostics);
  } else if (inherited != nullptr) {
    service.any_protocol = inherited->any_protocol;
    service.protocols = inherited->protocols;
    service.span = inherited->span;
  }
  const bool protocols_known = diagnostics.errors() == errors;
  const YamlNode* ports = fields.Take("ports");
  const YamlNode* source_ports = fields.Take("source_ports");
  const YamlNode* type = fields.Take("icmp_type");
  const YamlNode* code = fields.Take("icmp_code");
  if (ports != nullptr) service.ports = ReadRanges(*ports, "ports", diagnostics);
  if (source_ports != nullptr) {
    service.source_ports = ReadRanges(*source_ports, "source_ports", diagnostics);
  }
  service.icmp_type = ReadByte(type, "icmp_type", diagnostics);
  service.icmp_code = ReadByte(code, "icmp_code", diagnostics);
  if (code != nullptr && type == nullptr) {
    diagnostics.Error("missing-key", code->span, "`icmp_code` needs an `icmp_type`",
                      "add `icmp_type: ...`");
  }
  if (protocols_known) {
    CheckFits(service, "ports", ports, HasPorts, "tcp, udp and sctp", diagnostics);
    CheckFits(service, "source_ports", source_ports, HasPorts, "tcp, udp and sctp", diagnostics);
    CheckFits(service, "icmp_type", type, IsIcmp, "icmp and icmpv6", diagnostics);
    CheckFits(service, "icmp_code", code, IsIcmp, "icmp and icmpv6", diagnostics);
  }
  return service;
}

}  // namespace portmatrix
