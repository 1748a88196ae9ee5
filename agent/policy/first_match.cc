// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/first_match.h"

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "agent/policy/axis.h"
#include "agent/policy/service_classes.h"
#include "agent/policy/service_reader.h"
#include "agent/policy/tuple.h"

namespace portmatrix {
namespace {

// Samples are friendly where the class leaves a choice: addresses for documentation (RFC 5737, RFC
// 3849), the first dynamic port (RFC 6335), a service that everybody knows.
constexpr Address kSomebody4 = {.family = Family::kIpv4, .bytes = {198, 51, 100, 7}};
constexpr Address kSomebody6 = {
    .family = Family::kIpv6,
    .bytes = {0x20, 0x01, 0x0d, 0xb8, 0, 0xf0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7}};
constexpr uint32_t kDynamicPort = 49152;
constexpr uint32_t kWebPort = 80;

using Visitor = std::function<bool(const FirstMatch&)>;

// One question: the dimensions are cut in the order protocol, service key, source key, source
// address, destination address, and in each only those are asked that hold the class chosen in the
// ones before. One that holds all that is left makes those behind it needless.
class Search {
 public:
  Search(const PooledMatch& match, const std::vector<PooledMatch>& others, bool nobody_ends,
         AddressPool& pool, WorkBudget& budget, const Visitor& visit)
      : match_(match),
        others_(others),
        nobody_ends_(nobody_ends),
        pool_(pool),
        budget_(budget),
        visit_(visit) {}

  Visited Run() {
    for (const Family family : {Family::kIpv4, Family::kIpv6}) {
      const Visited visited = AskFamily(family);
      if (visited != Visited::kAll) return visited;
    }
    return budget_.used_up() ? Visited::kUndecided : Visited::kAll;
  }

 private:
  struct Ends {
    bool all = false;  // of the match's own
    Stretches<Address> stretches;
  };
  using KeysOf = Stretches<uint32_t> (*)(const Match&, uint8_t);

  Visited AskFamily(Family family) {
    source_ = StretchesOf(pool_.at(match_.from), family);
    destination_ = StretchesOf(pool_.at(match_.to), family);
    if (source_.empty() || destination_.empty()) return Visited::kAll;
    sources_.clear();
    destinations_.clear();
    for (const PooledMatch& other : others_) {
      if (budget_.used_up()) return Visited::kUndecided;
      sources_.push_back(EndsOf(other.from, match_.from, family));
      destinations_.push_back(EndsOf(other.to, match_.to, family));
    }
    for (const auto& [members, protocol] : Protocols(family)) {
      const Visited visited = AskProtocol(protocol, members);
      if (visited != Visited::kAll) return visited;
    }
    return Visited::kAll;
  }

  Ends EndsOf(size_t others, size_t own, Family family) {
    if (pool_.Contains(others, own, budget_)) return {true, {}};
    budget_.Spend(pool_.at(others).prefixes().size());
    return {false, StretchesOf(pool_.at(others), family)};
  }

  // One protocol for each way in which the others tell protocols apart.
  std::vector<std::pair<Members, uint8_t>> Protocols(Family family) {
    const uint8_t foreign =
        family == Family::kIpv4 ? uint8_t{IPPROTO_ICMPV6} : uint8_t{IPPROTO_ICMP};
    std::set<Members> seen;
    std::vector<std::pair<Members, uint8_t>> protocols;
    const auto ask = [&](uint8_t protocol) {
      if (protocol == foreign) return;
      Members members;
      for (size_t i = 0; i < others_.size(); ++i) {
        if (MatchesProtocol(*others_[i].match, protocol)) members.push_back(i);
      }
      budget_.Spend(others_.size());
      // Protocols without ports or types are all alike to the same others.
      const bool plain = ServiceKeys(Match(), protocol).front().last == 0;
      if (plain && !seen.insert(members).second) return;
      protocols.emplace_back(std::move(members), protocol);
    };
    if (!match_.match->any_protocol) {
      for (const uint8_t protocol : match_.match->protocols) ask(protocol);
      return protocols;
    }
    // The usual ones first, so that a packet to show is one that its reader has met.
    constexpr std::array<uint8_t, 2> kUsual = {IPPROTO_TCP, IPPROTO_UDP};
    for (const uint8_t protocol : kUsual) ask(protocol);
    for (int number = 0; number < 256; ++number) {
      const auto protocol = static_cast<uint8_t>(number);
      if (std::ranges::find(kUsual, protocol) == kUsual.end()) ask(protocol);
    }
    return protocols;
  }

  Visited AskProtocol(uint8_t protocol, const Members& members) {
    const auto holds_addresses = [&](size_t member) {
      return sources_[member].all && destinations_[member].all;
    };
    const auto holds_sources = [&](size_t member) {
      return holds_addresses(member) && KeysContain(SourceKeys(*others_[member].match, protocol),
                                                    SourceKeys(*match_.match, protocol));
    };
    return AskKeys(ServiceKeys, protocol, members, holds_sources, [&](const auto& service) {
      return AskKeys(SourceKeys, protocol, service.members, holds_addresses, [&](const auto& port) {
        return AskSource(port.members, [&](const auto& source) {
          return AskDestination(source.members, [&](const auto& destination) {
            return Visit(protocol, service.sample, port.sample, source, destination);
          });
        });
      });
    });
  }

  template <typename Enough, typename Next>
  Visited AskKeys(KeysOf keys, uint8_t protocol, const Members& members, Enough enough, Next next) {
    std::vector<Stretches<uint32_t>> stretches;
    stretches.reserve(members.size());
    std::vector<NumberedSet<uint32_t>> sets;
    for (const size_t member : members) {
      stretches.push_back(keys(*others_[member].match, protocol));
      sets.push_back({member, &stretches.back(), enough(member)});
    }
    const uint32_t service = HasPorts(protocol) ? kWebPort : 0;
    const CutOptions<uint32_t> options{nobody_ends_, keys == SourceKeys ? kDynamicPort : service};
    return AskEach(CutAxis(keys(*match_.match, protocol), sets, options, budget_), next);
  }

  template <typename Next>
  Visited AskSource(const Members& members, Next next) {
    std::vector<NumberedSet<Address>> sets;
    for (const size_t member : members) {
      const Ends& ends = sources_[member];
      sets.push_back({member, ends.all ? nullptr : &ends.stretches, destinations_[member].all});
    }
    return AskEach(CutAxis(source_, sets, AddressOptions(), budget_), next);
  }

  template <typename Next>
  Visited AskDestination(const Members& members, Next next) {
    std::vector<NumberedSet<Address>> sets;
    for (const size_t member : members) {
      const Ends& ends = destinations_[member];
      sets.push_back({member, ends.all ? nullptr : &ends.stretches, true});
    }
    return AskEach(CutAxis(destination_, sets, AddressOptions(), budget_), next);
  }

  CutOptions<Address> AddressOptions() const {
    return {nobody_ends_, source_.front().first.family == Family::kIpv4 ? kSomebody4 : kSomebody6};
  }

  template <typename Classes, typename Next>
  Visited AskEach(const std::optional<Classes>& classes, Next next) {
    if (!classes) return Visited::kUndecided;
    for (const auto& each : *classes) {
      const Visited visited = next(each);
      if (visited != Visited::kAll) return visited;
    }
    return Visited::kAll;
  }

  Visited Visit(uint8_t protocol, uint32_t service, uint32_t source_port,
                const AxisClass<Address>& source, const AxisClass<Address>& destination) {
    Address from = source.sample, to = destination.sample;
    if (from == to && source.other) from = *source.other;
    if (from == to && destination.other) to = *destination.other;
    FirstMatch met;
    if (!destination.members.empty()) met.index = destination.members.front();
    met.sample = MakeTuple(from, to, protocol);
    met.sample.destination_port = static_cast<uint16_t>(service);
    met.sample.source_port = static_cast<uint16_t>(source_port);
    return visit_(met) ? Visited::kAll : Visited::kStopped;
  }

  const PooledMatch& match_;
  const std::vector<PooledMatch>& others_;
  const bool nobody_ends_;
  AddressPool& pool_;
  WorkBudget& budget_;
  const Visitor& visit_;
  Stretches<Address> source_, destination_;   // of the match, in the family that is asked
  std::vector<Ends> sources_, destinations_;  // of the others
};

}  // namespace

PooledMatch Pooled(const Match& match, AddressPool& pool) {
  return {&match, pool.Add(match.from), pool.Add(match.to)};
}

Visited VisitFirstMatches(const PooledMatch& match, const std::vector<PooledMatch>& others,
                          bool nobody_ends, AddressPool& pool, WorkBudget& budget,
                          const Visitor& visit) {
  return Search(match, others, nobody_ends, pool, budget, visit).Run();
}

bool Overlap(const PooledMatch& left, const PooledMatch& right, AddressPool& pool,
             WorkBudget& budget) {
  budget.Spend(1);
  return ServicesOverlap(*left.match, *right.match) &&
         pool.Intersects(left.from, right.from, budget) &&
         pool.Intersects(left.to, right.to, budget);
}

bool Contains(const PooledMatch& outer, const PooledMatch& inner, AddressPool& pool,
              WorkBudget& budget) {
  return ServicesContain(*outer.match, *inner.match) &&
         pool.Contains(outer.from, inner.from, budget) && pool.Contains(outer.to, inner.to, budget);
}

}  // namespace portmatrix
