// SPDX-License-Identifier: Apache-2.0
// The counter slots of a numbering, found by hash: for whoever asks for every rule of a policy.
#ifndef PORTMATRIX_MAPS_RULE_SLOTS_H_
#define PORTMATRIX_MAPS_RULE_SLOTS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "maps/hash_index.h"
#include "maps/numbering.h"

namespace portmatrix {

class RuleSlots {
 public:
  // `numbers` must outlive the object, and lose no rule meanwhile.
  explicit RuleSlots(const std::map<RuleIdentity, uint32_t>& numbers) {
    rules_.reserve(numbers.size());
    index_.Reserve(numbers.size());
    for (const auto& [rule, slot] : numbers) Add(rule.key, rule.direction, slot);
  }

  // Nothing if the rule has no slot.
  std::optional<uint32_t> Find(std::string_view key, Direction direction) const {
    const auto found = index_.Find(HashOf(key), Has{this, key});
    if (!found) return std::nullopt;
    const uint32_t slot = rules_[*found].slots[static_cast<size_t>(direction)];
    return slot == kNone ? std::nullopt : std::optional<uint32_t>(slot);
  }

  // `key` must outlive the object.
  void Add(std::string_view key, Direction direction, uint32_t slot) {
    const uint32_t number =
        index_.FindOrAdd(HashOf(key), static_cast<uint32_t>(rules_.size()), Has{this, key});
    if (number == rules_.size()) rules_.push_back({key, {kNone, kNone}});
    rules_[number].slots[static_cast<size_t>(direction)] = slot;
  }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  struct Rule {
    std::string_view key;
    std::array<uint32_t, PM_DIRECTIONS> slots;
  };
  struct Has {
    const RuleSlots* slots;
    std::string_view key;
    bool operator()(uint32_t number) const { return slots->rules_[number].key == key; }
  };

  static size_t HashOf(std::string_view key) { return std::hash<std::string_view>()(key); }

  std::vector<Rule> rules_;
  HashIndex index_;  // of rules_, by key
};

}  // namespace portmatrix

#endif  // PORTMATRIX_MAPS_RULE_SLOTS_H_
