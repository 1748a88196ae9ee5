// SPDX-License-Identifier: Apache-2.0
// Rules by number, and numbers by rule, for whoever keeps something about each rule of a large
// policy: the names stand one behind the other in one piece of memory.
#ifndef PORTMATRIX_AGENT_DATAPATH_RULE_NAMES_H_
#define PORTMATRIX_AGENT_DATAPATH_RULE_NAMES_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "maps/numbering.h"

namespace portmatrix {

class RuleNames {
 public:
  // Makes room for so many rules.
  void Reserve(size_t rules);
  // Neither the rule nor the number is there yet.
  void Add(std::string_view key, Direction direction, uint32_t number);
  void Remove(uint32_t number);

  std::optional<uint32_t> Find(std::string_view key, Direction direction) const;
  bool Has(uint32_t number) const { return number < names_.size() && names_[number].length != 0; }
  // Of a number that is there; valid until the next change.
  std::string_view key(uint32_t number) const {
    return std::string_view(text_).substr(names_[number].begin, names_[number].length);
  }
  Direction direction(uint32_t number) const { return names_[number].direction; }
  // One more than the greatest number that ever was there.
  uint32_t end() const { return static_cast<uint32_t>(names_.size()); }
  size_t size() const { return size_; }

 private:
  struct Name {
    uint32_t begin = 0;
    uint16_t length = 0;  // zero: no rule has the number
    Direction direction = Direction::kIn;
  };

  // The place in `places_` where the rule stands, or where it would.
  size_t PlaceOf(std::string_view key, Direction direction) const;
  void Place(uint32_t number);
  // Writes all of it anew, with places for `rules` rules at least and nothing of those that went.
  void Rebuild(size_t rules);

  std::string text_;
  std::vector<Name> names_;  // by number
  // Number + 1 by hash, the next free one where that is taken; zero: free. A power of two, at most
  // half of it taken. What was removed goes on taking its place.
  std::vector<uint32_t> places_;
  size_t size_ = 0;
  size_t taken_ = 0;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_DATAPATH_RULE_NAMES_H_
