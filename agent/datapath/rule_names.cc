// SPDX-License-Identifier: Apache-2.0
#include "agent/datapath/rule_names.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <utility>

namespace portmatrix {
namespace {

constexpr size_t kFewestPlaces = 16;

size_t HashOf(std::string_view key, Direction direction) {
  return std::hash<std::string_view>()(key) + static_cast<size_t>(direction);
}

}  // namespace

size_t RuleNames::PlaceOf(std::string_view key, Direction direction) const {
  size_t place = HashOf(key, direction) & (places_.size() - 1);
  for (; places_[place] != 0; place = (place + 1) & (places_.size() - 1)) {
    const uint32_t number = places_[place] - 1;
    if (names_[number].direction == direction && this->key(number) == key) break;
  }
  return place;
}

void RuleNames::Place(uint32_t number) {
  places_[PlaceOf(key(number), direction(number))] = number + 1;
  ++taken_;
}

void RuleNames::Rebuild(size_t rules) {
  std::string text;
  text.reserve(text_.size());
  for (Name& name : names_) {
    const auto begin = static_cast<uint32_t>(text.size());
    text.append(text_, name.begin, name.length);
    name.begin = begin;
  }
  text_ = std::move(text);
  places_.assign(std::bit_ceil(std::max(rules * 2, kFewestPlaces)), 0);
  taken_ = 0;
  for (uint32_t number = 0; number < names_.size(); ++number)
    if (Has(number)) Place(number);
}

void RuleNames::Reserve(size_t rules) {
  names_.reserve(rules);
  if (rules * 2 > places_.size()) Rebuild(rules);
}

void RuleNames::Add(std::string_view key, Direction direction, uint32_t number) {
  if ((taken_ + 1) * 2 > places_.size()) Rebuild(size_ * 2 + 1);
  if (names_.size() <= number) names_.resize(number + 1);
  names_[number] = {static_cast<uint32_t>(text_.size()), static_cast<uint16_t>(key.size()),
                    direction};
  text_ += key;
  Place(number);
  ++size_;
}

void RuleNames::Remove(uint32_t number) {
  if (!Has(number)) return;
  // The place leads to a number without a name, so that others behind it are still found.
  names_[number].length = 0;
  --size_;
}

std::optional<uint32_t> RuleNames::Find(std::string_view key, Direction direction) const {
  if (places_.empty()) return std::nullopt;
  const uint32_t found = places_[PlaceOf(key, direction)];
  return found == 0 ? std::nullopt : std::optional<uint32_t>(found - 1);
}

}  // namespace portmatrix
