// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/cover.h"

#include <netinet/in.h>

#include <algorithm>
#include <map>
#include <set>

#include "agent/policy/axis.h"
#include "agent/policy/service_classes.h"

namespace portmatrix {
namespace {

using Outcome = Cover::Outcome;

// One question: the dimensions are cut in the order protocol, service key, source key, source
// address, destination address, and in each only those are asked that hold the class chosen in the
// ones before.
class Search {
 public:
  Search(const PooledMatch& match, const std::vector<PooledMatch>& others, AddressPool& pool,
         WorkBudget& budget)
      : match_(match), others_(others), pool_(pool), budget_(budget) {}

  Cover Run() {
    for (size_t i = 0; i < others_.size() && !budget_.used_up(); ++i) {
      if (CoversAlone(others_[i])) return {Outcome::kCovered, {i}};
    }
    Outcome outcome = Outcome::kCovered;
    for (const Family family : {Family::kIpv4, Family::kIpv6}) {
      if (outcome == Outcome::kCovered) outcome = AskFamily(family);
    }
    if (budget_.used_up()) outcome = Outcome::kUndecided;
    if (outcome != Outcome::kCovered) return {outcome, {}};
    return {outcome, {first_.begin(), first_.end()}};
  }

 private:
  struct Ends {
    bool all = false;  // of the match's own
    Stretches<Address> stretches;
  };

  bool CoversAlone(const PooledMatch& other) {
    return ServicesContain(*other.match, *match_.match) &&
           pool_.Contains(other.from, match_.from, budget_) &&
           pool_.Contains(other.to, match_.to, budget_);
  }

  Outcome AskFamily(Family family) {
    sources_.clear();
    destinations_.clear();
    for (const PooledMatch& other : others_) {
      sources_.push_back(EndsOf(other.from, match_.from, family));
      destinations_.push_back(EndsOf(other.to, match_.to, family));
    }
    source_ = StretchesOf(pool_.at(match_.from), family);
    destination_ = StretchesOf(pool_.at(match_.to), family);
    if (source_.empty() || destination_.empty()) return Outcome::kCovered;
    for (const auto& [members, protocol] : Protocols(family)) {
      const Outcome outcome = AskProtocol(protocol, members);
      if (outcome != Outcome::kCovered) return outcome;
    }
    return Outcome::kCovered;
  }

  Ends EndsOf(size_t others, size_t own, Family family) {
    if (pool_.Contains(others, own, budget_)) return {true, {}};
    budget_.Spend(pool_.at(others).prefixes.size());
    return {false, StretchesOf(pool_.at(others), family)};
  }

  // One protocol for each way in which the others tell protocols apart.
  std::vector<std::pair<Members, uint8_t>> Protocols(Family family) const {
    const uint8_t foreign =
        family == Family::kIpv4 ? uint8_t{IPPROTO_ICMPV6} : uint8_t{IPPROTO_ICMP};
    std::set<Members> seen;
    std::vector<std::pair<Members, uint8_t>> protocols;
    for (int number = 0; number < 256; ++number) {
      const auto protocol = static_cast<uint8_t>(number);
      if (!MatchesProtocol(*match_.match, protocol)) continue;
      if (protocol == foreign) continue;
      Members members;
      for (size_t i = 0; i < others_.size(); ++i) {
        if (MatchesProtocol(*others_[i].match, protocol)) members.push_back(i);
      }
      // Protocols without ports or types are all alike to the same others.
      const bool plain = ServiceKeys(Match(), protocol).front().last == 0;
      if (plain && !seen.insert(members).second) continue;
      protocols.emplace_back(std::move(members), protocol);
    }
    return protocols;
  }

  Outcome AskProtocol(uint8_t protocol, const Members& members) {
    return AskKeys(ServiceKeys, protocol, members, [&](const Members& holders) {
      return AskKeys(SourceKeys, protocol, holders, [&](const Members& nearer) {
        return AskAddresses(source_, sources_, nearer, [&](const Members& last) {
          return AskAddresses(destination_, destinations_, last, [&](const Members& met) {
            first_.insert(met.front());
            return Outcome::kCovered;
          });
        });
      });
    });
  }

  template <typename Next>
  Outcome AskKeys(Stretches<uint32_t> (*keys)(const Match&, uint8_t), uint8_t protocol,
                  const Members& members, Next next) {
    std::vector<Stretches<uint32_t>> stretches;
    stretches.reserve(members.size());
    std::vector<NumberedSet<uint32_t>> sets;
    for (const size_t member : members) {
      stretches.push_back(keys(*others_[member].match, protocol));
      sets.push_back({member, &stretches.back()});
    }
    return AskEach(CutAxis(keys(*match_.match, protocol), sets, budget_), next);
  }

  template <typename Next>
  Outcome AskAddresses(const Stretches<Address>& within, const std::vector<Ends>& ends,
                       const Members& members, Next next) {
    std::vector<NumberedSet<Address>> sets;
    for (const size_t member : members) {
      sets.push_back({member, ends[member].all ? nullptr : &ends[member].stretches});
    }
    return AskEach(CutAxis(within, sets, budget_), next);
  }

  template <typename Next>
  Outcome AskEach(const std::optional<std::vector<Members>>& classes, Next next) {
    if (!classes) return Outcome::kUndecided;
    for (const Members& members : *classes) {
      if (members.empty()) return Outcome::kOpen;
      const Outcome outcome = next(members);
      if (outcome != Outcome::kCovered) return outcome;
    }
    return Outcome::kCovered;
  }

  const PooledMatch& match_;
  const std::vector<PooledMatch>& others_;
  AddressPool& pool_;
  WorkBudget& budget_;
  Stretches<Address> source_, destination_;   // of the match, in the family that is asked
  std::vector<Ends> sources_, destinations_;  // of the others
  std::set<size_t> first_;
};

}  // namespace

Cover FindCover(const PooledMatch& match, const std::vector<PooledMatch>& others, AddressPool& pool,
                WorkBudget& budget) {
  return Search(match, others, pool, budget).Run();
}

bool Overlap(const PooledMatch& left, const PooledMatch& right, AddressPool& pool,
             WorkBudget& budget) {
  budget.Spend(1);
  return ServicesOverlap(*left.match, *right.match) &&
         pool.Intersects(left.from, right.from, budget) &&
         pool.Intersects(left.to, right.to, budget);
}

}  // namespace portmatrix
