// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/fate_changes.h"

#include <algorithm>
#include <deque>
#include <string>
#include <utility>

#include "agent/policy/address_stretches.h"
#include "agent/policy/fate_comparison.h"
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
  std::vector<Prefix> prefixes = interface->local.prefixes();
  const std::vector<Prefix>& forbidden = ForbiddenSources();
  prefixes.insert(prefixes.end(), forbidden.begin(), forbidden.end());
  return Difference(AddressSet::Of(std::move(prefixes)), always);
}

class NodeComparison {
 public:
  NodeComparison(const Node& before, const Node& after, const FateQuestion& question)
      : before_(before),
        after_(after),
        question_(question),
        live_before_(before, changes_.live_sets),
        live_after_(after, changes_.live_sets) {}

  FateChanges Run(WorkBudget& budget) {
    std::vector<std::string> names;
    for (const Interface& interface : after_.interfaces) names.push_back(interface.name);
    for (const Interface& interface : before_.interfaces) {
      if (FindInterface(after_, interface.name) == nullptr) names.push_back(interface.name);
    }
    for (const std::string& name : names) {
      for (const Direction direction : {Direction::kIn, Direction::kOut}) {
        for (const bool answers : {false, true}) Prepare(name, direction, answers);
      }
    }
    RunAll(budget);
    for (Part& part : parts_) {
      std::ranges::move(part.changes, std::back_inserter(changes_.changes));
      std::ranges::move(part.unknown, std::back_inserter(changes_.unknown));
    }
    return std::move(changes_);
  }

 private:
  // An interface, direction and kind, and what came of it.
  struct Part {
    std::string interface;
    Direction direction;
    FateComparison comparison;
    std::vector<FateChange> changes = {};
    std::vector<UnknownFates> unknown = {};

    Part(std::string name, Direction way, const FateQuestion& question)
        : interface(std::move(name)), direction(way), comparison(question) {}
  };

  void Prepare(const std::string& name, Direction direction, bool answers) {
    const Interface* was = FindInterface(before_, name);
    const Interface* is = FindInterface(after_, name);
    const AddressSet always = AlwaysSpoofed(was, is);
    const AddressSet spoofed_before = SpoofedBeside(always, was);
    const AddressSet spoofed_after = SpoofedBeside(always, is);
    FateComparison& comparison = parts_.emplace_back(name, direction, question_).comparison;
    comparison.AddList(FateSteps::Opening(before_, was, direction, spoofed_before), live_before_);
    comparison.AddList(FateSteps::Opening(after_, is, direction, spoofed_after), live_after_);
    if (answers) {
      const Direction opener = Opposite(direction);
      const auto add = [&](const FateSteps& steps, const LiveSetNumbers& live) {
        comparison.AddList(steps.Reversed(), live);
      };
      add(FateSteps::Opening(before_, was, opener, spoofed_before), live_before_);
      add(FateSteps::Opening(after_, is, opener, spoofed_after), live_after_);
      add(FateSteps::Allowing(before_, was, opener), live_before_);
      add(FateSteps::Allowing(after_, is, opener), live_after_);
    }
    if (direction == Direction::kIn) comparison.set_always_spoofed(always);
    comparison.Prepare();
  }

  // The least work first, and each has a share: what it does not need is left to those behind it.
  void RunAll(WorkBudget& budget) {
    std::vector<Part*> order;
    for (Part& part : parts_) order.push_back(&part);
    std::ranges::stable_sort(order, {}, [](const Part* part) { return part->comparison.work(); });
    size_t left = order.size();
    for (Part* part : order) {
      WorkBudget share(budget.left() / left--);
      const size_t had = share.left();
      part->comparison.Run(share, part->changes, part->unknown);
      budget.Spend(had - share.left());
      for (FateChange& change : part->changes) NameIn(*part, change);
      for (UnknownFates& unknown : part->unknown) NameIn(*part, unknown);
    }
  }

  template <typename Told>
  static void NameIn(const Part& part, Told& told) {
    told.interface = part.interface;
    told.direction = part.direction;
  }

  const Node& before_;
  const Node& after_;
  const FateQuestion& question_;
  FateChanges changes_;
  std::deque<Part> parts_;
  const LiveSetNumbers live_before_;
  const LiveSetNumbers live_after_;
};

}  // namespace

FateChanges CompareFates(const Node& before, const Node& after, const FateQuestion& question,
                         WorkBudget& budget) {
  return NodeComparison(before, after, question).Run(budget);
}

// What DHCP lets pass is never spoofed. Where only one of the two is a client, the steps of both
// name their spoofed sources, so that the difference is exact for these as well.
AddressSet AlwaysSpoofed(const Interface* before, const Interface* after) {
  if (IsDhcpClient(before) != IsDhcpClient(after)) return {};
  std::vector<Prefix> prefixes = CommonLocal(before, after).prefixes();
  const std::vector<Prefix>& forbidden = ForbiddenSources();
  prefixes.insert(prefixes.end(), forbidden.begin(), forbidden.end());
  return AddressSet::Of(std::move(prefixes));
}

}  // namespace portmatrix
