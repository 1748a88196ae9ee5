// SPDX-License-Identifier: Apache-2.0
// Addresses and prefixes of both families as plain values.
#ifndef PORTMATRIX_MAPS_ADDRESS_H_
#define PORTMATRIX_MAPS_ADDRESS_H_

#include <array>
#include <bit>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace portmatrix {

enum class Family : uint8_t { kIpv4 = 4, kIpv6 = 6 };

constexpr int AddressBits(Family family) { return family == Family::kIpv4 ? 32 : 128; }

// `bytes` are in network order; an IPv4 address fills the first four and the rest is zero.
struct Address {
  Family family = Family::kIpv4;
  std::array<uint8_t, 16> bytes{};

  // Bit `index`, 0 being the most significant.
  bool Bit(int index) const {
    return (bytes[static_cast<size_t>(index / 8)] >> (7 - index % 8)) & 1;
  }
  // By family, then by value. Two words: a set of a million prefixes is sorted several times.
  std::strong_ordering operator<=>(const Address& other) const {
    if (const auto order = family <=> other.family; order != 0) return order;
    if (const auto order = Half(0) <=> other.Half(0); order != 0) return order;
    return Half(8) <=> other.Half(8);
  }
  bool operator==(const Address&) const = default;

 private:
  // Eight bytes as a number.
  uint64_t Half(size_t at) const {
    uint64_t half;
    std::memcpy(&half, &bytes.at(at), sizeof half);
    return std::endian::native == std::endian::little ? __builtin_bswap64(half) : half;
  }
};

// All addresses that share the first `length` bits of `address`; the other bits of `address` are
// zero.
struct Prefix {
  Address address;
  uint8_t length = 0;

  bool Contains(const Address& candidate) const;
  bool Contains(const Prefix& other) const;
  auto operator<=>(const Prefix&) const = default;
};

// Strict: dotted quad without leading zeros, or RFC 4291 text without a zone.
std::optional<Address> ParseAddress(std::string_view text);
std::string ToString(const Address& address);  // RFC 5952
std::string ToString(const Prefix& prefix);    // a host prefix prints without its length

Prefix HostPrefix(const Address& address);
size_t HashOf(const Prefix& prefix);  // its family apart
// `address` with all bits from `length` on cleared.
Address Masked(const Address& address, int length);

}  // namespace portmatrix

#endif  // PORTMATRIX_MAPS_ADDRESS_H_
