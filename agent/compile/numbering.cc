// SPDX-License-Identifier: Apache-2.0
#include "agent/compile/numbering.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "maps/rule_slots.h"

namespace portmatrix {
namespace {

// Gives the lowest free numbers, one after the other.
class FreeNumbers {
 public:
  template <typename Name>
  FreeNumbers(const std::map<Name, uint32_t>& taken, uint32_t limit) : taken_(limit, false) {
    for (const auto& [name, number] : taken)
      if (number < limit) taken_[number] = true;
  }

  std::optional<uint32_t> Next() {
    while (next_ < taken_.size() && taken_[next_]) ++next_;
    if (next_ == taken_.size()) return std::nullopt;
    return next_++;
  }

 private:
  std::vector<bool> taken_;
  uint32_t next_ = 0;
};

using NewNames = std::vector<std::pair<std::string, uint32_t>>;

class NameGiver {
 public:
  NameGiver(const std::map<std::string, uint32_t>& numbers, uint32_t limit)
      : numbers_(numbers), free_(numbers, limit) {}

  bool Give(const std::string& name) {
    if (numbers_.contains(name)) return true;
    for (const auto& [given, number] : given_)
      if (given == name) return true;
    const auto number = free_.Next();
    if (number) given_.emplace_back(name, *number);
    return number.has_value();
  }

  const NewNames& given() const { return given_; }

 private:
  const std::map<std::string, uint32_t>& numbers_;
  FreeNumbers free_;
  NewNames given_;
};

}  // namespace

bool NumberNode(const Node& node, const NumberingLimits& limits, Numbering* numbering,
                std::string* what) {
  NameGiver interfaces(numbering->interfaces, limits.interfaces);
  NameGiver devices(numbering->devices, limits.devices);
  NameGiver live_sets(numbering->live_sets, limits.live_sets);
  RuleSlots slots(numbering->rules);
  std::optional<FreeNumbers> free_slots;
  std::vector<std::pair<const Rule*, uint32_t>> rules;  // that have none yet
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
      if (slots.Find(rule.key, rule.direction)) continue;
      if (!free_slots) free_slots.emplace(numbering->rules, limits.rules);
      const auto slot = free_slots->Next();
      if (!slot) {
        *what =
            fmt::format("the counters have room for {} rules, and the generations in use name more",
                        limits.rules);
        return false;
      }
      slots.Add(rule.key, rule.direction, *slot);
      rules.emplace_back(&rule, *slot);
    }
  }
  numbering->interfaces.insert(interfaces.given().begin(), interfaces.given().end());
  numbering->devices.insert(devices.given().begin(), devices.given().end());
  numbering->live_sets.insert(live_sets.given().begin(), live_sets.given().end());
  // In the order of the map: a first policy is written down in one go.
  std::ranges::sort(rules, {}, [](const std::pair<const Rule*, uint32_t>& named) {
    return std::pair(std::string_view(named.first->key), named.first->direction);
  });
  const bool is_first = numbering->rules.empty();
  for (const auto& [rule, slot] : rules) {
    RuleIdentity name{rule->key, rule->direction};
    if (is_first)
      numbering->rules.emplace_hint(numbering->rules.end(), std::move(name), slot);
    else
      numbering->rules.emplace(std::move(name), slot);
  }
  return true;
}

}  // namespace portmatrix
