// SPDX-License-Identifier: Apache-2.0
#include "agent/compile/numbering.h"

#include <fmt/format.h>

#include <set>

namespace portmatrix {
namespace {

// Gives the lowest free numbers, one after the other.
template <typename Name>
class Giver {
 public:
  Giver(std::map<Name, uint32_t>* numbers, uint32_t limit) : numbers_(numbers), limit_(limit) {
    for (const auto& [name, number] : *numbers) taken_.insert(number);
  }

  bool Give(const Name& name) {
    if (numbers_->contains(name)) return true;
    while (taken_.contains(next_)) ++next_;
    if (next_ >= limit_) return false;
    taken_.insert(next_);
    numbers_->emplace(name, next_);
    return true;
  }

 private:
  std::map<Name, uint32_t>* numbers_;
  uint32_t limit_;
  std::set<uint32_t> taken_;
  uint32_t next_ = 0;
};

}  // namespace

bool NumberNode(const Node& node, const NumberingLimits& limits, Numbering* numbering,
                std::string* what) {
  Numbering next = *numbering;
  Giver<RuleIdentity> rules(&next.rules, limits.rules);
  Giver<std::string> interfaces(&next.interfaces, limits.interfaces);
  Giver<std::string> devices(&next.devices, limits.devices);
  Giver<std::string> live_sets(&next.live_sets, limits.live_sets);
  for (const LiveSet& set : node.live_sets) {
    if (live_sets.Give(set.name)) continue;
    *what = fmt::format("more than {} dynamic sets are named by the generations in use",
                        limits.live_sets);
    return false;
  }
  for (const Interface& interface : node.interfaces) {
    if (!interfaces.Give(interface.name)) {
      *what = fmt::format("more than {} interfaces are named by the generations in use",
                          limits.interfaces);
      return false;
    }
    for (const std::string& device : interface.devices) {
      if (devices.Give(device)) continue;
      *what =
          fmt::format("more than {} devices are named by the generations in use", limits.devices);
      return false;
    }
    for (const Rule& rule : interface.rules) {
      if (rules.Give({rule.key, rule.direction})) continue;
      *what =
          fmt::format("the counters have room for {} rules, and the generations in use name more",
                      limits.rules);
      return false;
    }
  }
  *numbering = std::move(next);
  return true;
}

}  // namespace portmatrix
