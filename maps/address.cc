// SPDX-License-Identifier: Apache-2.0
#include "maps/address.h"

#include <arpa/inet.h>

#include <array>
#include <cstring>

#include "maps/hash_index.h"

namespace portmatrix {

bool Prefix::Contains(const Address& candidate) const {
  return candidate.family == address.family && Masked(candidate, length) == address;
}

bool Prefix::Contains(const Prefix& other) const {
  return other.length >= length && Contains(other.address);
}

std::optional<Address> ParseAddress(std::string_view text) {
  const std::string terminated(text);
  if (terminated.size() != std::strlen(terminated.c_str())) return std::nullopt;
  Address address;
  if (inet_pton(AF_INET, terminated.c_str(), address.bytes.data()) == 1) return address;
  address.family = Family::kIpv6;
  address.bytes.fill(0);
  if (inet_pton(AF_INET6, terminated.c_str(), address.bytes.data()) == 1) return address;
  return std::nullopt;
}

std::string ToString(const Address& address) {
  char text[INET6_ADDRSTRLEN];
  inet_ntop(address.family == Family::kIpv4 ? AF_INET : AF_INET6, address.bytes.data(), text,
            sizeof text);
  return text;
}

std::string ToString(const Prefix& prefix) {
  std::string text = ToString(prefix.address);
  if (prefix.length != AddressBits(prefix.address.family))
    text += "/" + std::to_string(prefix.length);
  return text;
}

size_t HashOf(const Prefix& prefix) {
  std::array<uint64_t, 2> words{};
  std::memcpy(words.data(), prefix.address.bytes.data(), sizeof words);
  return MixIn(MixIn(prefix.length, words[0]), words[1]);
}

Prefix HostPrefix(const Address& address) {
  return Prefix{address, static_cast<uint8_t>(AddressBits(address.family))};
}

Address Masked(const Address& address, int length) {
  Address masked = address;
  for (int byte = 0; byte < 16; ++byte) {
    const int kept = length - byte * 8;
    if (kept >= 8) continue;
    auto& value = masked.bytes[static_cast<size_t>(byte)];
    value = static_cast<uint8_t>(kept <= 0 ? 0 : value & (0xff << (8 - kept)));
  }
  return masked;
}

}  // namespace portmatrix
