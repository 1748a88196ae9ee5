// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/claim.h"

#include <algorithm>
#include <utility>

namespace portmatrix {

namespace {

ResolvedAddresses ResolveSide(const AddressTerms& terms, SetTable& sets, bool& broken,
                              Diagnostics& diagnostics) {
  ResolvedAddresses resolved = sets.Resolve(terms);
  if (resolved.live != 0) {
    diagnostics.Error("misplaced-dynamic-set", terms.span,
                      "an expectation names a dynamic set, whose entries come and go",
                      "only `from` and `to` of rules may; name prefixes, or a set of prefixes");
    resolved.live = 0;
    resolved.broken = true;
  }
  broken |= resolved.broken;
  return resolved;
}

}  // namespace

Match MatchOf(const WrittenService& service, ResolvedAddresses from, ResolvedAddresses to) {
  Match match;
  match.from = std::move(from.set);
  match.to = std::move(to.set);
  match.from_live = from.live;
  match.to_live = to.live;
  match.any_protocol = service.any_protocol;
  match.protocols = service.protocols;
  match.ports = service.ports;
  match.source_ports = service.source_ports;
  match.icmp_type = service.icmp_type;
  match.icmp_code = service.icmp_code;
  return match;
}

std::optional<Claim> ResolveClaim(const WrittenExpectation& written, SetTable& sets,
                                  Diagnostics& diagnostics) {
  if (!written.claim) return std::nullopt;
  const WrittenClaim& region = *written.claim;
  bool broken = false;
  const auto resolve = [&](const AddressTerms& terms) {
    return ResolveSide(terms, sets, broken, diagnostics);
  };
  const auto resolve_or_any = [&](const std::optional<AddressTerms>& terms) {
    return terms ? resolve(*terms) : ResolvedAddresses{AddressSet::Any()};
  };
  Claim claim;
  claim.match = MatchOf(region.service, resolve(region.from), resolve(region.to));
  for (const WrittenException& exception : region.except) {
    claim.except.push_back(
        MatchOf(exception.service, resolve_or_any(exception.from), resolve_or_any(exception.to)));
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
    if (auto claim = ResolveClaim(expectation, sets, told_before))
      claims.push_back(std::move(*claim));
  }
  return claims;
}

}  // namespace portmatrix
