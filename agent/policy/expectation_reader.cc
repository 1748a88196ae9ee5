// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/expectation_reader.h"

#include <fmt/format.h>
#include <netinet/in.h>

#include <variant>

#include "agent/policy/claim_reader.h"
#include "agent/policy/fields.h"
#include "agent/policy/prefix_text.h"
#include "agent/policy/scalar.h"
#include "agent/policy/service_reader.h"

namespace portmatrix {
namespace {

// The values of an expectation that belong together, for checking them against each other.
struct Written {
  const YamlNode* to = nullptr;
  const YamlNode* protocol = nullptr;
  const YamlNode* port = nullptr;
  const YamlNode* source_port = nullptr;
  const YamlNode* icmp_type = nullptr;
  const YamlNode* icmp_code = nullptr;
};

// A single address, or nothing.
std::optional<Address> AddressIn(const YamlNode* value) {
  if (value == nullptr || value->kind != YamlNode::Kind::kText || !LooksLikePrefix(value->text)) {
    return std::nullopt;
  }
  const auto parsed = ParsePrefix(value->text);
  const auto* prefix = std::get_if<Prefix>(&parsed);
  if (prefix == nullptr || prefix->length != AddressBits(prefix->address.family)) {
    return std::nullopt;
  }
  return prefix->address;
}

// Does the expectation mean one packet, as far as it is written?
bool MeansOnePacket(const YamlNode& value) {
  if (value.kind != YamlNode::Kind::kMap) return true;
  for (const char* key : {"ports", "source_ports", "except"}) {
    if (value.Find(key) != nullptr) return false;
  }
  for (const char* key : {"from", "to"}) {
    const YamlNode* side = value.Find(key);
    if (side != nullptr && !AddressIn(side)) return false;
  }
  const YamlNode* protocol = value.Find("protocol");
  return protocol == nullptr ||
         (protocol->kind == YamlNode::Kind::kText && protocol->text != "any");
}

void Refuse(const YamlNode* value, const char* key, uint8_t protocol, const char* which,
            Diagnostics& diagnostics) {
  if (value == nullptr) return;
  diagnostics.Error("protocol-mismatch", value->span,
                    fmt::format("`{}` does not go with protocol `{}`", key, ProtocolWord(protocol)),
                    fmt::format("`{}` goes with {} only", key, which));
}

void CheckTogether(const Expectation& expectation, const Written& written, const YamlNode& whole,
                   Diagnostics& diagnostics) {
  const uint8_t protocol = expectation.protocol;
  if (!HasPorts(protocol)) {
    Refuse(written.port, "port", protocol, "tcp, udp and sctp", diagnostics);
    Refuse(written.source_port, "source_port", protocol, "tcp, udp and sctp", diagnostics);
  } else if (written.port == nullptr) {
    diagnostics.Error("missing-key", whole.span,
                      fmt::format("a {} packet needs a `port`", ProtocolWord(protocol)),
                      "add `port: ...`, its destination port");
  }
  if (!IsIcmp(protocol)) {
    Refuse(written.icmp_type, "icmp_type", protocol, "icmp and icmpv6", diagnostics);
    Refuse(written.icmp_code, "icmp_code", protocol, "icmp and icmpv6", diagnostics);
  } else if (written.icmp_code != nullptr && written.icmp_type == nullptr) {
    diagnostics.Error("missing-key", written.icmp_code->span, "`icmp_code` needs an `icmp_type`",
                      "add `icmp_type: ...`");
  }
  const Family family = expectation.from.family;
  if (family != expectation.to.family) {
    diagnostics.Error("families-cannot-meet", written.to->span,
                      "`from` and `to` are of different families",
                      "write two IPv4 or two IPv6 addresses");
  } else if (protocol == IPPROTO_ICMP && family == Family::kIpv6) {
    diagnostics.Error("families-cannot-meet", written.protocol->span,
                      "`icmp` is IPv4's, these addresses are IPv6", "write `icmpv6`");
  } else if (protocol == IPPROTO_ICMPV6 && family == Family::kIpv4) {
    diagnostics.Error("families-cannot-meet", written.protocol->span,
                      "`icmpv6` is IPv6's, these addresses are IPv4", "write `icmp`");
  }
}

std::optional<uint16_t> OptionalPort(const YamlNode* value, const char* key,
                                     Diagnostics& diagnostics) {
  return value == nullptr ? std::nullopt : ReadPort(*value, key, diagnostics);
}

std::optional<uint8_t> OptionalByte(const YamlNode* value, const char* key,
                                    Diagnostics& diagnostics) {
  const auto number = value == nullptr ? std::nullopt : ReadNumber(*value, key, 255, diagnostics);
  if (!number) return std::nullopt;
  return static_cast<uint8_t>(*number);
}

// The packet of an expectation that means one.
void ReadPacket(Fields& fields, const YamlNode& value, Expectation& expectation,
                Diagnostics& diagnostics) {
  Written written;
  const auto from = AddressIn(fields.Require("from"));
  written.to = fields.Require("to");
  const auto to = AddressIn(written.to);
  written.protocol = fields.Require("protocol");
  const auto protocol =
      written.protocol == nullptr ? std::nullopt : ReadProtocol(*written.protocol, diagnostics);
  written.port = fields.Take("port");
  written.source_port = fields.Take("source_port");
  written.icmp_type = fields.Take("icmp_type");
  written.icmp_code = fields.Take("icmp_code");
  expectation.port = OptionalPort(written.port, "port", diagnostics);
  expectation.source_port = OptionalPort(written.source_port, "source_port", diagnostics);
  expectation.icmp_type = OptionalByte(written.icmp_type, "icmp_type", diagnostics);
  expectation.icmp_code = OptionalByte(written.icmp_code, "icmp_code", diagnostics);
  if (from && to && protocol) {
    expectation.from = *from;
    expectation.to = *to;
    expectation.protocol = *protocol;
    CheckTogether(expectation, written, value, diagnostics);
  }
}

}  // namespace

std::optional<WrittenExpectation> ReadExpectation(const YamlNode& value, Diagnostics& diagnostics) {
  static const Words<Verdict> kVerdicts = {{"allow", Verdict::kPass}, {"drop", Verdict::kDrop}};
  const size_t errors = diagnostics.errors();
  WrittenExpectation result;
  Expectation& expectation = result.expectation;
  expectation.span = value.span;
  Fields fields(value, "expectation", diagnostics);
  if (const YamlNode* interface = fields.Require("interface")) {
    expectation.interface = ReadName(*interface, "an interface", diagnostics).value_or("");
    result.interface_span = interface->span;
  }
  if (MeansOnePacket(value)) {
    ReadPacket(fields, value, expectation, diagnostics);
  } else {
    result.claim = ReadClaim(fields, diagnostics);
  }
  if (const YamlNode* verdict = fields.Require("verdict", "add `verdict: allow` or `drop`")) {
    expectation.verdict =
        ReadWord(*verdict, "verdict", kVerdicts, diagnostics).value_or(Verdict::kDrop);
  }
  if (const YamlNode* rule = fields.Take("rule")) {
    expectation.rule = ReadText(*rule, "rule", diagnostics);
    result.rule_span = rule->span;
  }
  fields.Finish();
  if (diagnostics.errors() > errors) return std::nullopt;
  return result;
}

}  // namespace portmatrix
