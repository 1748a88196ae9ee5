// SPDX-License-Identifier: Apache-2.0
// The C++ twin of the kernel's lookup (bpf/match.h): the same walk through the same tables, over an
// image in memory. Tests hold it against the reference evaluator on one side and the kernel program
// on the other.
#ifndef PORTMATRIX_MAPS_LOOKUP_H_
#define PORTMATRIX_MAPS_LOOKUP_H_

#include <cstdint>
#include <functional>

#include "maps/address.h"
#include "maps/image.h"

namespace portmatrix {

class ImageLookup {
 public:
  // `image` must outlive it and not change.
  explicit ImageLookup(const Image& image) : image_(image) {}

  // Does the live set with this number hold the address?
  using IsLive = std::function<bool(uint32_t set, const Address& address)>;

  // The final value (layout.h, PM_VALUE) for a tuple on an interface of the image; PM_VALUE_BROKEN
  // where a table ends too soon. Without `is_live` all live sets are empty.
  uint32_t Match(uint32_t interface_index, pm_direction direction, const pm_tuple& tuple,
                 const IsLive& is_live = nullptr) const;
  // The class of an address (layout.h, "The address stage"); `*missing` where a table ends too
  // soon.
  uint32_t ClassOf(const Address& address, bool* missing) const;
  bool IsLocal(uint32_t interface_index, const Address& address) const;
  // Interface index + 1 that a device number and the tags (zero: none) select; zero: none.
  uint32_t SelectInterface(uint32_t device, uint16_t outer, uint16_t inner) const;

  const pm_interface* interface(uint32_t index) const;

 private:
  uint32_t MatchLive(const pm_interface& interface, pm_direction direction, const pm_tuple& tuple,
                     const IsLive& is_live, bool* missing) const;
  // `number` of a direction's `matchers`.
  uint32_t MatchAmong(const pm_matcher& matcher, uint32_t number, uint32_t matchers,
                      const pm_tuple& tuple, bool* missing) const;
  // A word of the first block of PM_TABLE_ADDRESSES.
  uint32_t About(uint32_t what, bool* missing) const;
  uint32_t ClassOfIpv4(uint32_t bits, bool* missing) const;
  uint32_t ClassOfIpv6(uint64_t half, uint64_t second, bool* missing) const;
  // What the index names for an IPv6 address whose first half, spread, is `spread`.
  uint32_t IndexedWord(uint64_t spread, uint64_t second, bool* missing) const;
  uint32_t ValueInNarrowBlock(uint32_t at, uint32_t key, bool* missing) const;
  uint32_t ValueInPrefixBlock(uint32_t at, uint64_t key, uint64_t second, bool* missing) const;
  const pm_block* Block(pm_table table, uint32_t index) const;
  uint32_t Word(pm_table table, uint32_t index, bool* missing) const;
  uint32_t FindInWideTree(uint32_t reference, uint64_t key, bool* missing) const;
  uint32_t FindInTree(pm_table trees, uint32_t reference, uint32_t key, bool* missing) const;

  const Image& image_;
};

Address SourceOf(const pm_tuple& tuple);
Address DestinationOf(const pm_tuple& tuple);

}  // namespace portmatrix

#endif  // PORTMATRIX_MAPS_LOOKUP_H_
