// SPDX-License-Identifier: Apache-2.0
#include "maps/lookup.h"

#include <cstring>

namespace portmatrix {
namespace {

// Of two values the one whose rule comes first; zero is no rule.
uint32_t First(uint32_t one, uint32_t other) {
  if (one == 0 || other == 0) return one | other;
  return PM_VALUE_RULE(other) < PM_VALUE_RULE(one) ? other : one;
}

Address AddressOf(const uint8_t* bytes, uint8_t family) {
  Address address;
  address.family = family == 4 ? Family::kIpv4 : Family::kIpv6;
  std::memcpy(address.bytes.data(), bytes, address.bytes.size());
  return address;
}

}  // namespace

Address SourceOf(const pm_tuple& tuple) { return AddressOf(tuple.source, tuple.family); }
Address DestinationOf(const pm_tuple& tuple) { return AddressOf(tuple.destination, tuple.family); }

uint32_t ImageLookup::ClassOf(const Address& address, bool* missing) const {
  const auto bits_from = [&](size_t at, size_t bytes) {
    uint64_t key = 0;
    for (size_t i = at; i < at + bytes; ++i) key = key << 8 | address.bytes[i];
    return key;
  };
  if (address.family == Family::kIpv4)
    return ClassOfIpv4(static_cast<uint32_t>(bits_from(0, 4)), missing);
  return ClassOfIpv6(bits_from(0, 8), bits_from(8, 8), missing);
}

uint32_t ImageLookup::About(uint32_t what, bool* missing) const {
  return Word(PM_TABLE_ADDRESSES, what, missing);
}

uint32_t ImageLookup::ClassOfIpv4(uint32_t bits, bool* missing) const {
  const uint32_t rest = About(PM_ADDRESSES_IPV4_REST, missing) & 31;
  const uint32_t roots = About(PM_ADDRESSES_IPV4_ROOTS, missing);
  const uint32_t index = bits >> rest, key = bits & ((1u << rest) - 1);
  const uint32_t word =
      roots != 0 ? ValueInNarrowBlock(roots + index, key, missing)
                 : Word(PM_TABLE_ADDRESSES, About(PM_ADDRESSES_IPV4, missing) + index, missing);
  if (!(word & PM_ADDRESS_TREE)) return word;
  return FindInTree(PM_TABLE_ADDRESS_TREES, PM_ADDRESS_REFERENCE(word), key, missing);
}

uint32_t ImageLookup::IndexedWord(uint64_t spread, uint64_t second, bool* missing) const {
  const uint32_t rest = About(PM_ADDRESSES_IPV6_REST, missing) & 63;
  const uint32_t roots = About(PM_ADDRESSES_IPV6_ROOTS, missing);
  const uint32_t words = About(PM_ADDRESSES_IPV6, missing);
  const auto index = static_cast<uint32_t>(spread >> rest);
  if (roots == 0) return Word(PM_TABLE_ADDRESSES, words + index, missing);
  const auto near = static_cast<uint32_t>(spread >> (About(PM_ADDRESSES_IPV6_NEAR, missing) & 63));
  if ((Word(PM_TABLE_ADDRESSES, words + near / 32, missing) >> near % 32 & 1) == 0)
    return PM_ADDRESS_SHORTER;
  return ValueInPrefixBlock(roots + index, spread & ((uint64_t{1} << rest) - 1), second, missing);
}

uint32_t ImageLookup::ClassOfIpv6(uint64_t half, uint64_t second, bool* missing) const {
  const uint32_t unspread = About(PM_ADDRESSES_UNSPREAD, missing) & 63;
  const uint32_t rest = About(PM_ADDRESSES_IPV6_REST, missing) & 63;
  const uint64_t spread = PM_IPV6_SPREAD_KEY(half, unspread);
  uint32_t word = IndexedWord(spread, second, missing);
  if (PM_ADDRESS_GOES_DEEPER(word))
    word =
        FindInWideTree(PM_ADDRESS_REFERENCE(word), spread & ((uint64_t{1} << rest) - 1), missing);
  if (word == PM_ADDRESS_SHORTER) {
    word = About(PM_ADDRESSES_SHORTER, missing);
    if (PM_ADDRESS_GOES_DEEPER(word))
      word = FindInWideTree(PM_ADDRESS_REFERENCE(word), half, missing);
  }
  if (!(word & PM_ADDRESS_TREE)) return word;
  return FindInWideTree(PM_ADDRESS_REFERENCE(word), second, missing);
}

uint32_t ImageLookup::ValueInNarrowBlock(uint32_t at, uint32_t key, bool* missing) const {
  const auto* block = reinterpret_cast<const pm_narrow_block*>(Block(PM_TABLE_ADDRESS_TREES, at));
  if (block == nullptr) {
    *missing = true;
    return 0;
  }
  uint32_t above = 0;
  for (const uint64_t four : block->first)
    for (int lane = 0; lane < 64; lane += 16) above += (four >> lane & (PM_NARROW_GUARD - 1)) > key;
  return block->value[block->choice >> 2 * above & (PM_NARROW_VALUES - 1)];
}

uint32_t ImageLookup::ValueInPrefixBlock(uint32_t at, uint64_t key, uint64_t second,
                                         bool* missing) const {
  const auto* block = reinterpret_cast<const pm_prefix_block*>(Block(PM_TABLE_ADDRESS_TREES, at));
  if (block == nullptr) {
    *missing = true;
    return 0;
  }
  for (size_t i = 0; i < PM_PREFIXES; ++i) {
    const uint64_t first = block->first[i];
    const uint64_t key_differs =
        (first ^ key) << (64 - PM_PREFIX_KEY_BITS) >> PM_PREFIX_SHIFT(first);
    const uint64_t second_differs = (block->second[i] ^ second) >> PM_PREFIX_SECOND_SHIFT(first) >>
                                    PM_PREFIX_SECOND_SHIFT_MORE(first);
    if (key_differs == 0 && second_differs == 0) return block->value[i];
  }
  return block->value[PM_PREFIXES];
}

const pm_block* ImageLookup::Block(pm_table table, uint32_t index) const {
  const auto& blocks = image_.table(table);
  return index < blocks.size() ? &blocks[index] : nullptr;
}

uint32_t ImageLookup::Word(pm_table table, uint32_t index, bool* missing) const {
  const pm_block* block = Block(table, index / PM_BLOCK_WORDS);
  if (block == nullptr) {
    *missing = true;
    return 0;
  }
  return block->word[index % PM_BLOCK_WORDS];
}

uint32_t ImageLookup::FindInTree(pm_table trees, uint32_t reference, uint32_t key,
                                 bool* missing) const {
  uint32_t value = PM_TREE_BLOCK(reference);
  const uint32_t levels = PM_TREE_LEVELS(reference);
  for (uint32_t level = 0; level < levels; ++level) {
    const pm_block* block = Block(trees, value);
    if (block == nullptr) {
      *missing = true;
      return 0;
    }
    int interval = 0;
    for (int i = 1; i < PM_TREE_FANOUT; ++i) interval += key >= (block->word[i] & ~PM_TREE_GUARD);
    value = block->word[PM_BLOCK_WORDS - 1 - interval];
  }
  return levels == 0 ? 0 : value;
}

uint32_t ImageLookup::FindInWideTree(uint32_t reference, uint64_t key, bool* missing) const {
  uint32_t value = PM_WIDE_BLOCK(reference) + static_cast<uint32_t>(key >> 63);
  const uint32_t levels = PM_WIDE_LEVELS(reference);
  for (uint32_t level = 0; level < levels; ++level) {
    const auto* block =
        reinterpret_cast<const pm_wide_block*>(Block(PM_TABLE_ADDRESS_TREES, value));
    if (block == nullptr) {
      *missing = true;
      return 0;
    }
    int interval = 0;
    for (const uint64_t first : block->first) interval += first <= (key & PM_WIDE_UNUSED);
    value = block->value[interval];
  }
  return levels == 0 ? 0 : value;
}

uint32_t ImageLookup::MatchAmong(const pm_matcher& matcher, uint32_t number, uint32_t matchers,
                                 const pm_tuple& tuple, bool* missing) const {
  const auto word = [&](uint32_t axis, const Address& address) {
    const uint32_t at = axis + (ClassOf(address, missing) << PM_AXIS_SHIFT(matchers)) + number;
    return Word(PM_TABLE_AXES, at, missing);
  };
  const uint32_t row = word(matcher.source_axis, SourceOf(tuple)) & ~PM_AXIS_LOCAL;
  const uint32_t column = word(matcher.destination_axis, DestinationOf(tuple));
  const uint32_t reference =
      matcher.columns != 0
          ? Word(PM_TABLE_PAIRS, matcher.pairs + row * matcher.columns + column, missing)
          : FindInTree(PM_TABLE_TREES, Word(PM_TABLE_PAIRS, matcher.pairs + row, missing), column,
                       missing);
  const uint32_t value = FindInTree(
      PM_TABLE_TREES, reference, PM_SERVICE_KEY(tuple.protocol, tuple.destination_port), missing);
  if (value & PM_VALUE_SOURCE_PORTS)
    return FindInTree(PM_TABLE_TREES, value & ~PM_VALUE_SOURCE_PORTS, tuple.source_port, missing);
  return value;
}

uint32_t ImageLookup::MatchLive(const pm_interface& interface, pm_direction direction,
                                const pm_tuple& tuple, const IsLive& is_live, bool* missing) const {
  const uint32_t at = interface.live_at[direction];
  const pm_block* questions = Block(PM_TABLE_LIVE, at);
  if (questions == nullptr) {
    *missing = true;
    return 0;
  }
  const auto* asked = reinterpret_cast<const uint8_t*>(questions);
  uint64_t answers = 0;
  for (uint32_t i = 0; i < interface.live_questions[direction]; ++i) {
    const Address address = asked[i] & PM_LIVE_DESTINATION ? DestinationOf(tuple) : SourceOf(tuple);
    if (is_live(asked[i] & ~PM_LIVE_DESTINATION, address)) answers |= uint64_t{1} << i;
  }
  uint32_t first = 0;
  for (uint32_t i = 0; i < interface.live_matchers[direction]; ++i) {
    const pm_block* block = Block(PM_TABLE_LIVE, at + 1 + i / PM_LIVE_MATCHERS_PER_BLOCK);
    if (block == nullptr) {
      *missing = true;
      return 0;
    }
    const auto& live =
        reinterpret_cast<const pm_live_matcher*>(block)[i % PM_LIVE_MATCHERS_PER_BLOCK];
    if ((answers & live.needs) == live.needs)
      first = First(first, MatchAmong(live.matcher, 0, 1, tuple, missing));
  }
  return first;
}

uint32_t ImageLookup::Match(uint32_t interface_index, pm_direction direction, const pm_tuple& tuple,
                            const IsLive& is_live) const {
  const pm_interface* bound = interface(interface_index);
  if (bound == nullptr) return PM_VALUE_BROKEN;
  const pm_block* block = Block(PM_TABLE_MATCHERS, bound->index * PM_DIRECTIONS + direction);
  if (block == nullptr) return PM_VALUE_BROKEN;
  const auto* matchers = reinterpret_cast<const pm_matcher*>(block);
  bool missing = false;
  uint32_t first = 0;
  for (uint32_t i = 0; i < PM_MATCHERS && i < bound->matchers[direction]; ++i)
    first = First(first, MatchAmong(matchers[i], i, bound->matchers[direction], tuple, &missing));
  if (is_live && bound->live_first[direction] != 0)
    first = First(first, MatchLive(*bound, direction, tuple, is_live, &missing));
  return missing ? PM_VALUE_BROKEN : first;
}

bool ImageLookup::IsLocal(uint32_t interface_index, const Address& address) const {
  const pm_interface* bound = interface(interface_index);
  if (bound == nullptr) return false;
  bool missing = false;
  const uint32_t at =
      bound->local_axis + (ClassOf(address, &missing) << PM_AXIS_SHIFT(bound->matchers[PM_IN]));
  return Word(PM_TABLE_AXES, at, &missing) & PM_AXIS_LOCAL;
}

uint32_t ImageLookup::SelectInterface(uint32_t device, uint16_t outer, uint16_t inner) const {
  const pm_block* block = Block(PM_TABLE_DEVICES, device / PM_DEVICES_PER_BLOCK);
  if (block == nullptr) return 0;
  pm_device binding{};
  std::memcpy(&binding, &block->word[size_t{device} % PM_DEVICES_PER_BLOCK * 4], sizeof binding);
  bool missing = false;
  const uint32_t selected =
      outer == 0 ? binding.untagged
                 : FindInTree(PM_TABLE_TREES, binding.tagged, PM_VLAN_KEY(outer, inner), &missing);
  return selected != 0 ? selected : binding.any;
}

const pm_interface* ImageLookup::interface(uint32_t index) const {
  return reinterpret_cast<const pm_interface*>(Block(PM_TABLE_INTERFACES, index));
}

}  // namespace portmatrix
