// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/fate_changes.h"

#include <algorithm>
#include <array>
#include <map>
#include <tuple>
#include <utility>

#include "agent/policy/address_stretches.h"
#include "agent/policy/common_steps.h"
#include "agent/policy/outside.h"

namespace portmatrix {
namespace {

// The addresses of `set` that are not in `taken`.
AddressSet Difference(const AddressSet& set, const AddressSet& taken) {
  std::vector<Prefix> left;
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    const std::vector<Prefix> prefixes =
        PrefixesOf(Without(JoinedStretches(set, family), JoinedStretches(taken, family)));
    left.insert(left.end(), prefixes.begin(), prefixes.end());
  }
  return AddressSet::Of(std::move(left));
}

// The lists of a question about answers; one about openings has the first two.
// `Opener`: of the packet that would be answered.
enum List : size_t {
  kOwnBefore,
  kOwnAfter,
  kOpenerBefore,
  kOpenerAfter,
  kAllowedBefore,
  kAllowedAfter,
  kLists
};

// What a fate is, for those who compare verdicts or also who gives them.
using Identity = std::tuple<bool, Verdict, pm_reason, std::string>;

Identity IdentityOf(const Fate& fate) {
  return {fate.judged, fate.verdict, fate.reason, fate.rule == nullptr ? "" : fate.rule->key};
}

// One interface and direction, openings or answers.
class Comparison {
 public:
  Comparison(const FateQuestion& question, WorkBudget& budget)
      : question_(question), budget_(budget) {}

  void AddList(FateSteps steps) { lists_.push_back(std::move(steps)); }
  void set_always_spoofed(AddressSet spoofed) { spoofed_ = std::move(spoofed); }

  // Appends what changes to `changes`, with all but interface and direction.
  void Run(FateChanges& changes) {
    Ask();
    const PacketRegions regions = CutPackets(asked_, budget_);
    changes.complete = changes.complete && regions.complete;
    std::vector<std::pair<const Told*, const PacketRegion*>> found;
    for (const LabelledRegion& each : regions.regions) {
      if (IsReal(each.region)) found.emplace_back(&told_[each.label - 1], &each.region);
    }
    std::ranges::stable_sort(found, {}, [](const auto& each) {
      return std::pair(each.first->rank_after, each.first->rank_before);
    });
    for (const auto& [told, region] : found) {
      FateChange& change = changes.changes.emplace_back();
      change.answer = lists_.size() == kLists;
      change.was = told->was;
      change.becomes = told->becomes;
      change.region = *region;
    }
  }

 private:
  struct Told {
    Fate was, becomes;
    size_t rank_after = 0;
    size_t rank_before = 0;
  };

  void Ask() {
    asked_.lists = static_cast<uint32_t>(lists_.size());
    asked_.sparse = true;
    for (size_t list = 0; list < lists_.size(); ++list) {
      begins_[list] = asked_.matches.size();
      for (const FateStep& step : lists_[list].steps()) {
        asked_.matches.push_back({step.match, static_cast<uint32_t>(list), true});
      }
    }
    // Steps that both policies take in the same order decide the same wherever
    // they decide.
    for (size_t list = 0; list + 1 < lists_.size(); list += 2) {
      for (const auto& [before, after] :
           CommonSteps(lists_[list].steps(), lists_[list + 1].steps(), question_.by_rule)) {
        asked_.matches[begins_[list] + before].matters = false;
        asked_.matches[begins_[list + 1] + after].matters = false;
      }
    }
    asked_.label = [this](std::span<const size_t> first) { return LabelOf(first); };
    asked_.settled = [this](std::span<const uint32_t> left) { return IsSettled(left); };
  }

  const Fate* At(size_t list, size_t asked) const {
    if (asked == kNoMatch) return nullptr;
    return &lists_[list].steps()[asked - begins_[list]].fate;
  }

  // Of an answer: by its own steps, and by what allows the packet that it
  // answers.
  static Fate AnswerFate(const Fate& own, const Fate* allowed) {
    if (own.verdict == Verdict::kPass || own.reason == PM_REASON_SPOOFED) return own;
    if (allowed == nullptr || allowed->verdict == Verdict::kDrop) return own;
    Fate fate = *allowed;
    if (fate.reason == PM_REASON_RULE) fate.reason = PM_REASON_REPLY;
    return fate;
  }

  // Does an opening packet with these first steps change its verdict as `told`
  // does?
  static bool ChangesAlike(const Fate* before, const Fate* after, const Told& told) {
    return before != nullptr && after != nullptr && before->verdict == told.was.verdict &&
           after->verdict == told.becomes.verdict;
  }

  uint32_t LabelOf(std::span<const size_t> first) {
    Told told{*At(kOwnBefore, first[kOwnBefore]), *At(kOwnAfter, first[kOwnAfter]),
              first[kOwnAfter], first[kOwnBefore]};
    if (lists_.size() == kLists) {
      const Fate own_before = told.was;
      const Fate own_after = told.becomes;
      told.was = AnswerFate(own_before, At(kAllowedBefore, first[kAllowedBefore]));
      told.becomes = AnswerFate(own_after, At(kAllowedAfter, first[kAllowedAfter]));
      if (told.was.verdict == told.becomes.verdict) return 0;
      if (ChangesAlike(&own_before, &own_after, told)) return 0;
      if (!question_.all_answers && ChangesAlike(At(kOpenerBefore, first[kOpenerBefore]),
                                                 At(kOpenerAfter, first[kOpenerAfter]), told)) {
        return 0;
      }
      if (told.was.reason == PM_REASON_REPLY) told.rank_before = first[kAllowedBefore];
      if (told.becomes.reason == PM_REASON_REPLY) told.rank_after = first[kAllowedAfter];
    } else if (told.was.verdict == told.becomes.verdict &&
               (!question_.by_rule || !told.was.judged || !told.becomes.judged ||
                IdentityOf(told.was) == IdentityOf(told.becomes))) {
      return 0;
    }
    const auto [known, added] = labels_.try_emplace(
        {IdentityOf(told.was), IdentityOf(told.becomes)}, static_cast<uint32_t>(told_.size() + 1));
    if (added) told_.push_back(told);
    return known->second;
  }

  // Openings: all that is left has one verdict, so that it does not matter what
  // is met first.
  bool IsSettled(std::span<const uint32_t> left) const {
    if (question_.by_rule || lists_.size() != 2 || left.empty()) return false;
    const auto verdict = [this](uint32_t asked) {
      return At(asked < begins_[kOwnAfter] ? kOwnBefore : kOwnAfter, asked)->verdict;
    };
    return std::ranges::all_of(
        left, [&](uint32_t asked) { return verdict(asked) == verdict(left.front()); });
  }

  // Does the region hold a packet that is not dropped as spoofed by both
  // policies?
  bool IsReal(const PacketRegion& region) {
    if (spoofed_.empty()) return true;
    const auto [known, added] = unspoofed_.try_emplace(region.from.get());
    if (added) known->second = Without(*region.from, JoinedStretches(spoofed_, region.family));
    const AddressStretches& from = known->second;
    if (from.empty()) return false;
    const bool single = from.size() == 1 && from[0].first == from[0].last;
    return !single || !Equal(from, *region.to);
  }

  const FateQuestion& question_;
  WorkBudget& budget_;
  std::vector<FateSteps> lists_;
  std::array<size_t, kLists> begins_{};
  AddressSet spoofed_;
  PacketQuestion asked_;
  std::vector<Told> told_;
  std::map<std::pair<Identity, Identity>, uint32_t> labels_;
  std::map<const AddressStretches*, AddressStretches> unspoofed_;
};

const Interface* FindInterface(const Node& node, const std::string& name) {
  const auto found = std::ranges::find(node.interfaces, name, &Interface::name);
  return found == node.interfaces.end() ? nullptr : &*found;
}

AddressSet LocalOf(const Interface* interface) {
  return interface == nullptr ? AddressSet() : interface->local;
}

// What both hold; where one is null, what the other holds.
AddressSet CommonLocal(const Interface* before, const Interface* after) {
  if (before == nullptr || after == nullptr) return LocalOf(before == nullptr ? after : before);
  return Difference(before->local, Difference(before->local, after->local));
}

bool IsDhcpClient(const Interface* interface) {
  return interface != nullptr && interface->dhcp_client;
}

// Sources that one policy's steps must name as spoofed, beside those that are in any case.
AddressSet SpoofedBeside(const AddressSet& always, const Interface* interface) {
  if (interface == nullptr) return {};
  std::vector<Prefix> prefixes = interface->local.prefixes;
  const std::vector<Prefix>& forbidden = ForbiddenSources();
  prefixes.insert(prefixes.end(), forbidden.begin(), forbidden.end());
  return Difference(AddressSet::Of(std::move(prefixes)), always);
}

void CompareInterface(const Node& before, const Node& after, const std::string& name,
                      const FateQuestion& question, WorkBudget& budget, FateChanges& changes) {
  const Interface* was = FindInterface(before, name);
  const Interface* is = FindInterface(after, name);
  const AddressSet always = AlwaysSpoofed(was, is);
  const AddressSet spoofed_before = SpoofedBeside(always, was);
  const AddressSet spoofed_after = SpoofedBeside(always, is);
  for (const Direction direction : {Direction::kIn, Direction::kOut}) {
    for (const bool answers : {false, true}) {
      Comparison comparison(question, budget);
      comparison.AddList(FateSteps::Opening(before, was, direction, spoofed_before));
      comparison.AddList(FateSteps::Opening(after, is, direction, spoofed_after));
      if (answers) {
        const Direction opener = Opposite(direction);
        comparison.AddList(FateSteps::Opening(before, was, opener, spoofed_before).Reversed());
        comparison.AddList(FateSteps::Opening(after, is, opener, spoofed_after).Reversed());
        comparison.AddList(FateSteps::Allowing(before, was, opener).Reversed());
        comparison.AddList(FateSteps::Allowing(after, is, opener).Reversed());
      }
      if (direction == Direction::kIn) comparison.set_always_spoofed(always);
      const size_t first = changes.changes.size();
      comparison.Run(changes);
      for (size_t i = first; i < changes.changes.size(); ++i) {
        changes.changes[i].interface = name;
        changes.changes[i].direction = direction;
      }
    }
  }
}

}  // namespace

FateChanges CompareFates(const Node& before, const Node& after, const FateQuestion& question,
                         WorkBudget& budget) {
  std::vector<std::string> names;
  for (const Interface& interface : after.interfaces) names.push_back(interface.name);
  for (const Interface& interface : before.interfaces) {
    if (FindInterface(after, interface.name) == nullptr) names.push_back(interface.name);
  }
  FateChanges changes;
  for (const std::string& name : names) {
    CompareInterface(before, after, name, question, budget, changes);
  }
  return changes;
}

// What DHCP lets pass is never spoofed. Where only one of the two is a client, the steps of both
// name their spoofed sources, so that the difference is exact for these as well.
AddressSet AlwaysSpoofed(const Interface* before, const Interface* after) {
  if (IsDhcpClient(before) != IsDhcpClient(after)) return {};
  std::vector<Prefix> prefixes = CommonLocal(before, after).prefixes;
  const std::vector<Prefix>& forbidden = ForbiddenSources();
  prefixes.insert(prefixes.end(), forbidden.begin(), forbidden.end());
  return AddressSet::Of(std::move(prefixes));
}

}  // namespace portmatrix
