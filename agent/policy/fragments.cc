// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/fragments.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <type_traits>

namespace portmatrix {

// Hash and equality look at bytes.
static_assert(std::has_unique_object_representations_v<pm_fragment_key>);

bool Fragments::KeyEqual::operator()(const pm_fragment_key& a, const pm_fragment_key& b) const {
  return std::memcmp(&a, &b, sizeof(a)) == 0;
}

size_t Fragments::KeyHash::operator()(const pm_fragment_key& key) const {
  return std::hash<std::string_view>()({reinterpret_cast<const char*>(&key), sizeof(key)});
}

pm_fragment_key Fragments::KeyOf(Direction direction, const pm_packet& packet) {
  const pm_tuple& tuple = packet.tuple;
  pm_fragment_key key{};
  std::copy(std::begin(tuple.source), std::end(tuple.source), key.source);
  std::copy(std::begin(tuple.destination), std::end(tuple.destination), key.destination);
  key.identification = packet.identification;
  key.interface = tuple.interface;
  key.direction = static_cast<uint8_t>(direction);
  key.family = tuple.family;
  key.protocol = tuple.family == 4 ? tuple.protocol : uint8_t{0};
  return key;
}

void Fragments::Store(Direction direction, const FirstFragment& first) {
  firsts_[KeyOf(direction, first.packet)] = first;
}

FirstFragment* Fragments::Find(Direction direction, const pm_packet& later, uint64_t now) {
  const auto found = firsts_.find(KeyOf(direction, later));
  if (found == firsts_.end() || now - found->second.time >= PM_TIMEOUT_FRAGMENT) return nullptr;
  return &found->second;
}

}  // namespace portmatrix
