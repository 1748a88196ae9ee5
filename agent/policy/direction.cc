// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/direction.h"

#include <fmt/format.h>

#include <optional>

namespace portmatrix {
namespace {

using Way = WrittenRule::Way;

// Where the addresses of one side of a rule lie.
struct Side {
  bool here = false;       // all of them local here
  bool elsewhere = false;  // none here, all local to other interfaces
  bool mixed = false;      // some here, some local to other interfaces
};

Side Look(const ResolvedAddresses& resolved, const Locality& locality) {
  const AddressSet& addresses = resolved.set;
  Side side;
  if (addresses.empty()) return side;
  side.here = locality.here.ContainsAll(addresses);
  const bool touches = side.here || locality.here.Intersects(addresses);
  side.elsewhere = !touches && locality.elsewhere.ContainsAll(addresses);
  // `any` touches everything and is no mixture that somebody wrote down.
  side.mixed =
      !addresses.any() && touches && !side.here && locality.elsewhere.Intersects(addresses);
  if (resolved.live != 0) side.here = side.elsewhere = false;
  return side;
}

std::optional<Direction> Derived(const Side& from, const Side& to) {
  if (from.here == to.here) return std::nullopt;
  return to.here ? Direction::kIn : Direction::kOut;
}

void ReportOpen(const WrittenRule& rule, const Side& from, const Side& to, const Locality& locality,
                Diagnostics& diagnostics) {
  std::string why =
      fmt::format("neither `from` nor `to` lies wholly in the local addresses of interface `{}`",
                  locality.interface);
  std::string hint = "write `direction: in`, `out` or `both`";
  if (from.here && to.here) {
    why = fmt::format("both `from` and `to` are local to interface `{}`", locality.interface);
  } else if (from.mixed || to.mixed) {
    why = fmt::format("`{}` is partly local to interface `{}` and partly to others",
                      to.mixed ? "to" : "from", locality.interface);
    hint = "split the rule by interface, or " + hint;
  }
  diagnostics.Error("direction-open", rule.span,
                    fmt::format("rule `{}` has no direction: {}", rule.id, why), hint);
}

void ReportContradiction(const WrittenRule& rule, Direction derived, const Locality& locality,
                         Diagnostics& diagnostics) {
  diagnostics.Error(
      "direction-contradiction", rule.way_span,
      fmt::format("rule `{}` is `{}` on interface `{}`: all of `{}` is local there", rule.id,
                  ToString(derived), locality.interface, derived == Direction::kIn ? "to" : "from"),
      "remove `direction`, or exchange `from` and `to`");
}

}  // namespace

std::vector<RuleWay> DeriveWays(const WrittenRule& rule, const ResolvedAddresses& from_addresses,
                                const ResolvedAddresses& to_addresses, const Locality& locality,
                                Diagnostics& diagnostics) {
  const Side from = Look(from_addresses, locality), to = Look(to_addresses, locality);
  const auto derived = Derived(from, to);
  if (!rule.way) {
    if (derived) return {{*derived, false}};
    if (!from.mixed && !to.mixed && (from.elsewhere || to.elsewhere)) {
      return {{to.elsewhere ? Direction::kIn : Direction::kOut, true}};
    }
    ReportOpen(rule, from, to, locality, diagnostics);
    return {};
  }
  std::vector<RuleWay> ways;
  if (*rule.way != Way::kOut) ways.push_back({Direction::kIn, to.elsewhere});
  if (*rule.way != Way::kIn) ways.push_back({Direction::kOut, from.elsewhere});
  for (const RuleWay& way : ways) {
    if (derived && !way.inactive && way.direction != *derived) {
      ReportContradiction(rule, *derived, locality, diagnostics);
      return {};
    }
  }
  return ways;
}

}  // namespace portmatrix
