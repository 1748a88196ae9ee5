// SPDX-License-Identifier: Apache-2.0
// The sets as one node sees them: its own before the shared ones, each resolved once. Whatever is
// written in several places is the same AddressSet in all of them.
#ifndef PORTMATRIX_AGENT_POLICY_SET_TABLE_H_
#define PORTMATRIX_AGENT_POLICY_SET_TABLE_H_

#include <map>
#include <set>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "agent/policy/diagnostic.h"
#include "agent/policy/policy.h"
#include "maps/hash_index.h"

namespace portmatrix {

// A set of addresses, the live sets beside it, and whether it is all that was written: what was
// refused before is missing from it.
struct ResolvedAddresses {
  AddressSet set;
  bool broken = false;
  LiveMask live = 0;
};

class SetTable {
 public:
  // All three must outlive the table.
  SetTable(const Policy& policy, const WrittenNode& node, Diagnostics& diagnostics);

  // Reports unknown names and cycles, once for each place.
  ResolvedAddresses Resolve(const AddressTerms& terms);
  // All sets of the node itself, so that mistakes in unused ones show as well.
  void ResolveOwn();

  // The live sets that were met; beyond kMaxLiveSets they have no bit.
  std::vector<LiveSet> live_sets() const { return live_sets_; }
  // How many different prefixes stand in all that was resolved; where they are at most `enough`
  // even with those that stand there twice, that number.
  size_t CountPrefixes(size_t enough) const;

 private:
  struct ByContent {
    size_t operator()(const AddressSet& set) const { return set.Hash(); }
  };

  const ResolvedAddresses& ResolveSet(const WrittenSet& set);
  ResolvedAddresses ResolveTerm(const AddressTerm& term);
  AddressSet Alone(const Prefix& prefix);
  // The set that is equal to this one and came first.
  AddressSet Shared(AddressSet set);
  ResolvedAddresses AddLive(const WrittenSet& set);
  void ReportUnknown(const AddressTerm& term);
  void ReportCycle(const AddressTerm& term);
  bool WithinLimits(const AddressTerm& term);

  const Policy& policy_;
  const WrittenNode& node_;
  Diagnostics& diagnostics_;
  std::map<const WrittenSet*, ResolvedAddresses> resolved_;
  std::vector<std::pair<Prefix, AddressSet>> alone_;  // the sets of one prefix that were met
  HashIndex alone_index_;
  std::unordered_set<AddressSet, ByContent> sets_;  // of several terms
  std::vector<LiveSet> live_sets_;
  std::vector<const WrittenSet*> open_;  // being resolved, outermost first
  std::vector<Prefix> written_;          // in terms, as often as they were met
  std::set<const std::vector<Prefix>*> lists_;
  size_t set_prefixes_ = 0;  // of all resolved sets
  bool limit_reported_ = false;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_SET_TABLE_H_
