// SPDX-License-Identifier: Apache-2.0
#include "tools/difference/address_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

namespace portmatrix {
namespace {

bool IsEverything(const End& end) {
  return std::ranges::all_of(end.of,
                             [](const auto& part) { return !part || IsEveryAddress(*part); });
}

bool IsNothing(const End& end) {
  return std::ranges::all_of(end.of, [](const auto& part) { return !part || part->empty(); });
}

// What of `base` is not in `end`, in the families of `end`; nothing if it does not hold all of
// that.
std::optional<End> Rest(const std::array<AddressStretches, 2>& base, const End& end) {
  End rest;
  for (size_t family = 0; family < 2; ++family) {
    if (!end.of[family]) continue;
    if (!Holds(base[family], *end.of[family])) return std::nullopt;
    rest.of[family] = Without(base[family], *end.of[family]);
  }
  return rest;
}

const char* FamilyWord(const End& end) { return end.of[0] ? " (IPv4)" : " (IPv6)"; }

std::string Joined(const std::vector<std::string>& terms, size_t most) {
  std::string text;
  for (size_t i = 0; i < terms.size(); ++i) {
    if (i == most) return text + fmt::format(" and {} more", terms.size() - most);
    text += (i > 0 ? ", " : "") + terms[i];
  }
  return text;
}

// How much of its family it is.
double ShareOf(const AddressStretches& addresses) {
  double share = 0;
  for (const Prefix& prefix : PrefixesOf(addresses)) share += std::ldexp(1.0, -prefix.length);
  return share;
}

size_t CountPrefixes(const End& end) {
  size_t count = 0;
  for (const auto& part : end.of) count += part ? PrefixesOf(*part).size() : 0;
  return count;
}

// The smallest prefix around addresses of one family.
Prefix Around(const AddressStretches& addresses) {
  Prefix prefix = HostPrefix(addresses.front().first);
  while (!prefix.Contains(addresses.back().last)) {
    const auto length = static_cast<uint8_t>(prefix.length - 1);
    prefix = {Masked(prefix.address, length), length};
  }
  return prefix;
}

}  // namespace

AddressText::AddressText(const std::map<std::string, AddressSet>& before,
                         const std::map<std::string, AddressSet>& after) {
  const auto add = [this](const std::string& name, const AddressSet& set) {
    if (set.any() || set.empty()) return;
    sets_.push_back({name,
                     {JoinedStretches(set, Family::kIpv4), JoinedStretches(set, Family::kIpv6)},
                     set.prefixes().size()});
  };
  for (const auto& [name, set] : after) {
    const auto other = before.find(name);
    if (other == before.end() || other->second == set) add(name, set);
  }
  for (const auto& [name, set] : before) {
    if (!after.contains(name)) add(name, set);
  }
  std::ranges::sort(sets_, {}, &Named::name);
  std::ranges::stable_sort(sets_, std::greater(), [](const Named& set) {
    return ShareOf(set.of[0]) + ShareOf(set.of[1]);
  });
}

EndText AddressText::Of(const End& end, size_t most) const {
  if (IsEverything(end)) return {"any", end.both()};
  const Terms plain = PlainTerms(end);
  if (plain.terms.size() > 1) {
    if (const auto less = LessTerms(end, plain.terms.size())) {
      const auto& [base, taken] = *less;
      return {base.terms[0] + " but " + Joined(taken.terms, most),
              base.tells_family || taken.tells_family || end.both()};
    }
  }
  return {Joined(plain.terms, most), plain.tells_family || end.both()};
}

// Sets that lie wholly in it and do not tear the rest to pieces, then prefixes.
AddressText::Terms AddressText::PlainTerms(const End& end) const {
  Terms terms;
  if (IsEverything(end)) return {{"any"}, false};
  End left = end;
  size_t prefixes = CountPrefixes(left);
  for (const Named& set : sets_) {
    bool any = false;
    bool all = true;
    bool foreign = false;
    for (size_t family = 0; family < 2; ++family) {
      if (set.of[family].empty()) continue;
      if (!left.of[family]) {
        foreign = true;
        continue;
      }
      any = true;
      all = all && Holds(*left.of[family], set.of[family]);
    }
    if (!any || !all) continue;
    End rest;
    for (size_t family = 0; family < 2; ++family) {
      if (left.of[family]) rest.of[family] = Without(*left.of[family], set.of[family]);
    }
    const size_t count = CountPrefixes(rest);
    if (count + 1 > prefixes) continue;
    left = std::move(rest);
    prefixes = count;
    terms.terms.push_back(set.name + (foreign ? FamilyWord(end) : ""));
    terms.tells_family = true;
    if (IsNothing(left)) return terms;
  }
  for (const auto& part : left.of) {
    if (!part) continue;
    for (const Prefix& prefix : PrefixesOf(*part)) terms.terms.push_back(ToString(prefix));
    terms.tells_family = true;
  }
  return terms;
}

// As something without something, if that takes fewer terms than `fewer`.
std::optional<std::pair<AddressText::Terms, AddressText::Terms>> AddressText::LessTerms(
    const End& end, size_t fewer) const {
  std::optional<std::pair<Terms, Terms>> best;
  const auto try_base = [&](Terms base, const std::array<AddressStretches, 2>& addresses) {
    const auto rest = Rest(addresses, end);
    if (!rest || IsNothing(*rest)) return;
    Terms taken = PlainTerms(*rest);
    if (taken.terms.size() + 1 >= fewer) return;
    fewer = taken.terms.size() + 1;
    best = {std::move(base), std::move(taken)};
  };
  for (const Named& set : sets_) {
    const bool foreign = (!end.of[0] && !set.of[0].empty()) || (!end.of[1] && !set.of[1].empty());
    try_base({{set.name + (foreign ? FamilyWord(end) : "")}, true}, set.of);
  }
  for (size_t family = 0; family < 2; ++family) {
    if (end.both() || !end.of[family]) continue;
    const Prefix around = Around(*end.of[family]);
    if (around.length == 0) continue;
    std::array<AddressStretches, 2> addresses;
    addresses[family] = {{around.address, LastAddress(around)}};
    try_base({{ToString(around)}, true}, addresses);
  }
  const AddressSet any = AddressSet::Any();
  try_base({{"any"}, false},
           {JoinedStretches(any, Family::kIpv4), JoinedStretches(any, Family::kIpv6)});
  return best;
}

}  // namespace portmatrix
