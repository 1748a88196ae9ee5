// SPDX-License-Identifier: Apache-2.0
// Which of the caller's numbered elements is equal to another, by hash. The elements stay with the
// caller; here stand their numbers, by open addressing in one piece of memory.
#ifndef PORTMATRIX_MAPS_HASH_INDEX_H_
#define PORTMATRIX_MAPS_HASH_INDEX_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace portmatrix {

// A hash with one more word of what it is of.
constexpr uint64_t MixIn(uint64_t hash, uint64_t word) {
  hash = (hash ^ word) * 0x9e3779b97f4a7c15;
  return hash ^ (hash >> 32);
}

class HashIndex {
 public:
  // Makes room for so many elements in all.
  void Reserve(size_t elements) {
    size_t room = slots_.empty() ? kLeastSlots : slots_.size();
    while (room < 2 * elements) room *= 2;
    if (room > slots_.size()) Rehash(room);
  }

  // The element of this hash for which `is_it(number)` holds; nothing if there is none.
  template <typename IsIt>
  std::optional<uint32_t> Find(size_t hash, const IsIt& is_it) const {
    if (slots_.empty()) return std::nullopt;
    const Slot& slot = slots_[PlaceOf(Mixed(hash), is_it)];
    return slot.is_free() ? std::nullopt : std::optional<uint32_t>(slot.number_and_one - 1);
  }

  // The same; where there is none, `number` from now on (below 2^32 - 1).
  template <typename IsIt>
  uint32_t FindOrAdd(size_t hash, uint32_t number, const IsIt& is_it) {
    Reserve(size_ + 1);
    const uint32_t mixed = Mixed(hash);
    Slot& slot = slots_[PlaceOf(mixed, is_it)];
    if (!slot.is_free()) return slot.number_and_one - 1;
    slot = {mixed, number + 1};
    ++size_;
    return number;
  }

 private:
  struct Slot {
    uint32_t hash = 0;
    uint32_t number_and_one = 0;
    bool is_free() const { return number_and_one == 0; }
  };
  // A power of two, as all sizes; at most half are taken.
  static constexpr size_t kLeastSlots = 64;

  // The lowest bits choose the slot: every bit of the hash must tell in them.
  static uint32_t Mixed(uint64_t hash) {
    return static_cast<uint32_t>(MixIn(hash ^ (hash >> 32), 0) >> 32);
  }

  template <typename IsIt>
  size_t PlaceOf(uint32_t hash, const IsIt& is_it) const {
    const size_t mask = slots_.size() - 1;
    size_t at = hash & mask;
    for (; !slots_[at].is_free(); at = (at + 1) & mask)
      if (slots_[at].hash == hash && is_it(slots_[at].number_and_one - 1)) break;
    return at;
  }

  void Rehash(size_t room) {
    std::vector<Slot> old(room);
    old.swap(slots_);
    for (const Slot& slot : old)
      if (!slot.is_free()) slots_[PlaceOf(slot.hash, [](uint32_t) { return false; })] = slot;
  }

  std::vector<Slot> slots_;
  size_t size_ = 0;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_MAPS_HASH_INDEX_H_
