// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/set_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "agent/policy/limits.h"
#include "agent/policy/suggestion.h"

namespace portmatrix {

SetTable::SetTable(const Policy& policy, const WrittenNode& node, Diagnostics& diagnostics)
    : policy_(policy), node_(node), diagnostics_(diagnostics) {}

ResolvedAddresses SetTable::Resolve(const AddressTerms& terms) {
  // Most often one name or prefix: then the set is there already, in order.
  if (terms.terms.size() == 1 && terms.listed == nullptr) {
    const AddressTerm& term = terms.terms[0];
    ResolvedAddresses result = term.kind == AddressTerm::Kind::kPrefix
                                   ? ResolvedAddresses{.set = Alone(term.prefix)}
                                   : ResolveTerm(term);
    result.broken |= terms.broken;
    return result;
  }
  ResolvedAddresses result;
  result.broken = terms.broken;
  std::vector<Prefix> prefixes;
  if (terms.listed) {
    prefixes = *terms.listed;
    lists_.insert(terms.listed.get());
  }
  std::set<std::string_view> named;
  bool any = false;
  for (const AddressTerm& term : terms.terms) {
    if (term.kind == AddressTerm::Kind::kPrefix) {
      prefixes.push_back(term.prefix);
      written_.push_back(term.prefix);
      continue;
    }
    if (term.kind == AddressTerm::Kind::kSet && !named.insert(term.name).second) continue;
    const ResolvedAddresses part = ResolveTerm(term);
    result.broken |= part.broken;
    any |= part.set.any();
    result.live |= part.live;
    prefixes.insert(prefixes.end(), part.set.prefixes().begin(), part.set.prefixes().end());
  }
  if (any) result.live = 0;
  result.set = any ? AddressSet::Any() : Shared(AddressSet::Of(std::move(prefixes)));
  return result;
}

AddressSet SetTable::Alone(const Prefix& prefix) {
  written_.push_back(prefix);
  const uint32_t number =
      alone_index_.FindOrAdd(HashOf(prefix), static_cast<uint32_t>(alone_.size()),
                             [&](uint32_t known) { return alone_[known].first == prefix; });
  if (number == alone_.size()) alone_.emplace_back(prefix, AddressSet::Of({prefix}));
  return alone_[number].second;
}

AddressSet SetTable::Shared(AddressSet set) { return *sets_.insert(std::move(set)).first; }

ResolvedAddresses SetTable::ResolveTerm(const AddressTerm& term) {
  if (term.kind == AddressTerm::Kind::kAny) return {AddressSet::Any()};
  const WrittenSet* set = policy_.FindSet(node_, term.name);
  if (set == nullptr) {
    ReportUnknown(term);
    return {AddressSet(), true};
  }
  if (std::ranges::find(open_, set) != open_.end()) {
    ReportCycle(term);
    return {AddressSet(), true};
  }
  if (!WithinLimits(term)) return {AddressSet(), true};
  return ResolveSet(*set);
}

const ResolvedAddresses& SetTable::ResolveSet(const WrittenSet& set) {
  const auto known = resolved_.find(&set);
  if (known != resolved_.end()) return known->second;
  if (set.live_max) return resolved_.emplace(&set, AddLive(set)).first->second;
  open_.push_back(&set);
  ResolvedAddresses result = Resolve(set.content);
  open_.pop_back();
  set_prefixes_ += result.set.prefixes().size();
  return resolved_.emplace(&set, std::move(result)).first->second;
}

ResolvedAddresses SetTable::AddLive(const WrittenSet& set) {
  live_sets_.push_back({set.name, *set.live_max, set.span});
  if (live_sets_.size() > kMaxLiveSets) return {AddressSet(), true};
  return {.set = {}, .broken = false, .live = LiveMask{1} << (live_sets_.size() - 1)};
}

bool SetTable::WithinLimits(const AddressTerm& term) {
  if (open_.size() >= kMaxSetDepth) {
    diagnostics_.Error(
        "too-deep", term.span,
        fmt::format("more than {} sets inside each other (kMaxSetDepth)", kMaxSetDepth),
        "name the inner ones directly");
    return false;
  }
  if (set_prefixes_ <= kMaxNamedPrefixes) return true;
  if (!limit_reported_) {
    diagnostics_.Error(
        "limit", term.span,
        fmt::format(
            "with this the sets hold {} prefixes, {} more than the limit of {} (kMaxNamedPrefixes)",
            set_prefixes_, set_prefixes_ - kMaxNamedPrefixes, kMaxNamedPrefixes),
        "use fewer sets that repeat a large one");
  }
  limit_reported_ = true;
  return false;
}

void SetTable::ResolveOwn() {
  for (const auto& [name, set] : node_.sets) ResolveSet(set);
}

void SetTable::ReportUnknown(const AddressTerm& term) {
  std::vector<std::string> known = {"any"};
  for (const auto& [name, set] : node_.sets) known.push_back(name);
  for (const auto& [name, set] : policy_.sets) known.push_back(name);
  diagnostics_.Error("unknown-set", term.span,
                     fmt::format("node `{}` knows no set `{}`", node_.name, term.name),
                     DidYouMean(term.name, known));
}

void SetTable::ReportCycle(const AddressTerm& term) {
  const WrittenSet* first = policy_.FindSet(node_, term.name);
  Diagnostic& diagnostic =
      diagnostics_.Error("set-cycle", term.span, fmt::format("set `{}` contains itself", term.name),
                         "take it out of one of them");
  for (auto open = std::ranges::find(open_, first); open != open_.end(); ++open) {
    diagnostic.notes.push_back({(*open)->span, fmt::format("by way of `{}`", (*open)->name)});
  }
}

size_t SetTable::CountPrefixes(size_t enough) const {
  size_t all = written_.size();
  for (const std::vector<Prefix>* list : lists_) all += list->size();
  if (all <= enough) return all;
  std::vector<Prefix> used = written_;
  for (const std::vector<Prefix>* list : lists_)
    used.insert(used.end(), list->begin(), list->end());
  std::ranges::sort(used);
  return static_cast<size_t>(std::unique(used.begin(), used.end()) - used.begin());
}

}  // namespace portmatrix
