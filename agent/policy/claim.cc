// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/claim.h"

#include <algorithm>
#include <utility>

namespace portmatrix {

Match MatchOf(const WrittenService& service, AddressSet from, AddressSet to) {
  Match match;
  match.from = std::move(from);
  match.to = std::move(to);
  match.any_protocol = service.any_protocol;
  match.protocols = service.protocols;
  match.ports = service.ports;
  match.source_ports = service.source_ports;
  match.icmp_type = service.icmp_type;
  match.icmp_code = service.icmp_code;
  return match;
}

std::optional<Claim> ResolveClaim(const WrittenExpectation& written, SetTable& sets) {
  if (!written.claim) return std::nullopt;
  const WrittenClaim& region = *written.claim;
  ResolvedAddresses from = sets.Resolve(region.from), to = sets.Resolve(region.to);
  bool broken = from.broken || to.broken;
  Claim claim;
  claim.match = MatchOf(region.service, std::move(from.set), std::move(to.set));
  for (const WrittenException& exception : region.except) {
    ResolvedAddresses except_from{AddressSet::Any(), false}, except_to = except_from;
    if (exception.from) except_from = sets.Resolve(*exception.from);
    if (exception.to) except_to = sets.Resolve(*exception.to);
    broken |= except_from.broken || except_to.broken;
    claim.except.push_back(
        MatchOf(exception.service, std::move(except_from.set), std::move(except_to.set)));
  }
  if (broken) return std::nullopt;
  claim.interface = written.expectation.interface;
  claim.verdict = written.expectation.verdict;
  claim.rule = written.expectation.rule;
  claim.span = written.expectation.span;
  return claim;
}

std::vector<Claim> ClaimsOf(const Policy& policy, std::string_view name) {
  std::vector<Claim> claims;
  const WrittenNode* node = policy.FindNode(name);
  if (node == nullptr) return claims;
  Diagnostics told_before;
  SetTable sets(policy, *node, told_before);
  for (const WrittenExpectation& expectation : node->expectations) {
    if (auto claim = ResolveClaim(expectation, sets)) claims.push_back(std::move(*claim));
  }
  return claims;
}

}  // namespace portmatrix
