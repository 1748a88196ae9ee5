// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/claim_reader.h"

#include <fmt/format.h>

#include <optional>
#include <string>

#include "agent/policy/service_reader.h"
#include "agent/policy/set_reader.h"

namespace portmatrix {
namespace {

std::optional<AddressTerms> ReadSide(const YamlNode* value, const char* key,
                                     Diagnostics& diagnostics) {
  if (value == nullptr) return std::nullopt;
  return ReadAddresses(*value, key, diagnostics);
}

// `port: 443` for `ports: 443`.
void ReadOnePort(const YamlNode* value, const char* one, const char* many,
                 const WrittenService& service, std::vector<PortRange>& ports,
                 Diagnostics& diagnostics) {
  if (value == nullptr) return;
  const auto port = ReadPort(*value, one, diagnostics);
  if (!port) return;
  if (!ports.empty()) {
    diagnostics.Error("port-and-ports", value->span,
                      fmt::format("`{}` and `{}` stand beside each other", one, many),
                      fmt::format("write `{}`, a list if need be, alone", many));
    return;
  }
  std::string offender = service.any_protocol ? "any" : "";
  for (const uint8_t protocol : service.protocols) {
    if (offender.empty() && !HasPorts(protocol)) offender = ProtocolWord(protocol);
  }
  if (!offender.empty()) {
    diagnostics.Error("protocol-mismatch", value->span,
                      fmt::format("`{}` does not go with protocol `{}`", one, offender),
                      fmt::format("`{}` goes with tcp, udp and sctp only", one));
    return;
  }
  ports = {{*port, *port}};
}

WrittenService ReadServices(Fields& fields, const WrittenService* inherited,
                            Diagnostics& diagnostics) {
  WrittenService service = ReadService(fields, diagnostics, inherited);
  ReadOnePort(fields.Take("port"), "port", "ports", service, service.ports, diagnostics);
  ReadOnePort(fields.Take("source_port"), "source_port", "source_ports", service,
              service.source_ports, diagnostics);
  return service;
}

WrittenException ReadException(const YamlNode& value, const WrittenService& claimed,
                               Diagnostics& diagnostics) {
  WrittenException exception;
  Fields fields(value, "exception", diagnostics);
  if (fields.is_map() && value.keys.empty()) {
    diagnostics.Error("missing-key", value.span, "an exception without a key would leave nothing",
                      "name what is not meant: `from`, `to`, `protocol`, `ports`, ...");
  }
  exception.from = ReadSide(fields.Take("from"), "from", diagnostics);
  exception.to = ReadSide(fields.Take("to"), "to", diagnostics);
  exception.service = ReadServices(fields, &claimed, diagnostics);
  fields.Finish();
  return exception;
}

}  // namespace

WrittenClaim ReadClaim(Fields& fields, Diagnostics& diagnostics) {
  WrittenClaim claim;
  claim.from = ReadSide(fields.Require("from"), "from", diagnostics).value_or(AddressTerms());
  claim.to = ReadSide(fields.Require("to"), "to", diagnostics).value_or(AddressTerms());
  claim.service = ReadServices(fields, nullptr, diagnostics);
  if (const YamlNode* except = fields.Take("except")) {
    if (except->kind == YamlNode::Kind::kMap) {
      claim.except.push_back(ReadException(*except, claim.service, diagnostics));
    } else if (Expect(*except, YamlNode::Kind::kList, "except", diagnostics)) {
      for (const YamlNode& item : except->items) {
        claim.except.push_back(ReadException(item, claim.service, diagnostics));
      }
    }
  }
  return claim;
}

}  // namespace portmatrix
