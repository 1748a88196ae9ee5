// SPDX-License-Identifier: Apache-2.0
// The counter slots of a numbering, found by hash: for whoever asks for every rule of a policy.
#ifndef PORTMATRIX_MAPS_RULE_SLOTS_H_
#define PORTMATRIX_MAPS_RULE_SLOTS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "maps/numbering.h"

namespace portmatrix {

class RuleSlots {
 public:
  // `numbers` must outlive the object, and lose no rule meanwhile.
  explicit RuleSlots(const std::map<RuleIdentity, uint32_t>& numbers) {
    slots_.reserve(numbers.size());
    for (const auto& [rule, slot] : numbers) Add(rule.key, rule.direction, slot);
  }

  // Nothing if the rule has no slot.
  std::optional<uint32_t> Find(std::string_view key, Direction direction) const {
    const auto found = slots_.find(key);
    if (found == slots_.end()) return std::nullopt;
    const uint32_t slot = found->second[static_cast<size_t>(direction)];
    return slot == kNone ? std::nullopt : std::optional<uint32_t>(slot);
  }

  // `key` must outlive the object.
  void Add(std::string_view key, Direction direction, uint32_t slot) {
    slots_.try_emplace(key, Directions{kNone, kNone})
        .first->second[static_cast<size_t>(direction)] = slot;
  }

 private:
  using Directions = std::array<uint32_t, PM_DIRECTIONS>;
  static constexpr uint32_t kNone = UINT32_MAX;
  std::unordered_map<std::string_view, Directions> slots_;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_MAPS_RULE_SLOTS_H_
