// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/unused_sets.h"

#include <fmt/format.h>

#include <set>

#include "agent/policy/lint.h"

namespace portmatrix {
namespace {

class UsedSets {
 public:
  explicit UsedSets(const Policy& policy) : policy_(policy) {
    std::set<std::string> listed;
    for (const WrittenNode& node : policy.nodes) {
      node_ = &node;
      for (const WrittenFailsafe& entry : node.failsafe) {
        Use(entry.from);
        if (entry.to) Use(*entry.to);
      }
      for (const WrittenExpectation& expectation : node.expectations) {
        if (expectation.claim) Use(*expectation.claim);
      }
      for (const WrittenInterface& interface : node.interfaces) {
        Use(interface.local);
        for (const WrittenName& name : interface.matrices) {
          listed.insert(name.text);
          if (const WrittenMatrix* matrix = policy.FindMatrix(name.text)) Use(*matrix);
        }
      }
    }
    // What no node lists yet may still serve one: its names stand for the shared sets.
    const WrittenNode nobody;
    node_ = &nobody;
    for (const WrittenMatrix& matrix : policy.matrices) {
      if (!listed.contains(matrix.name)) Use(matrix);
    }
    node_ = nullptr;
  }

  bool Has(const WrittenSet& set) const { return used_.contains(&set); }

 private:
  void Use(const WrittenMatrix& matrix) {
    for (const WrittenRule& rule : matrix.rules) {
      Use(rule.from);
      Use(rule.to);
    }
  }

  void Use(const WrittenClaim& claim) {
    Use(claim.from);
    Use(claim.to);
    for (const WrittenException& exception : claim.except) {
      if (exception.from) Use(*exception.from);
      if (exception.to) Use(*exception.to);
    }
  }

  void Use(const AddressTerms& terms) {
    std::vector<const AddressTerms*> open = {&terms};
    while (!open.empty()) {
      const AddressTerms* next = open.back();
      open.pop_back();
      for (const AddressTerm& term : next->terms) {
        if (term.kind != AddressTerm::Kind::kSet) continue;
        const WrittenSet* set = policy_.FindSet(*node_, term.name);
        // A shared set may name others on another node, so it is followed once for each.
        if (set == nullptr || !followed_.emplace(node_, set).second) continue;
        used_.insert(set);
        open.push_back(&set->content);
      }
    }
  }

  const Policy& policy_;
  const WrittenNode* node_ = nullptr;
  std::set<std::pair<const WrittenNode*, const WrittenSet*>> followed_;
  std::set<const WrittenSet*> used_;
};

void Warn(const WrittenSet& set, const std::string& where, Diagnostics& diagnostics) {
  diagnostics.Warning(std::string(kUnusedSet), set.span,
                      fmt::format("{} `{}` is used by nothing", where, set.name),
                      "remove it, or check the names in the rules that were meant to use it");
}

}  // namespace

void FindUnusedSets(const Policy& policy, Diagnostics& diagnostics) {
  const UsedSets used(policy);
  for (const auto& [name, set] : policy.sets) {
    if (!used.Has(set)) Warn(set, "shared set", diagnostics);
  }
  for (const WrittenNode& node : policy.nodes) {
    for (const auto& [name, set] : node.sets) {
      if (!used.Has(set)) Warn(set, fmt::format("node `{}`: set", node.name), diagnostics);
    }
  }
}

}  // namespace portmatrix
