// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/tuple_text.h"

#include <fmt/format.h>

#include "agent/policy/service_reader.h"
#include "agent/policy/tuple.h"

namespace portmatrix {
namespace {

std::string Endpoint(const Address& address, uint16_t port, bool has_port) {
  std::string text = ToString(address);
  if (!has_port) return text;
  if (address.family == Family::kIpv6) return fmt::format("[{}]:{}", text, port);
  return fmt::format("{}:{}", text, port);
}

}  // namespace

std::string TupleText(const pm_tuple& tuple) {
  const bool ports = HasPorts(tuple.protocol);
  std::string text = fmt::format("{} {} > {}", ProtocolWord(tuple.protocol),
                                 Endpoint(TupleSource(tuple), tuple.source_port, ports),
                                 Endpoint(TupleDestination(tuple), tuple.destination_port, ports));
  if (IsIcmp(tuple.protocol)) {
    text +=
        fmt::format(" type {} code {}", tuple.destination_port >> 8, tuple.destination_port & 0xff);
  }
  return text;
}

}  // namespace portmatrix
