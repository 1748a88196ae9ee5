// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/frames.h"

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace portmatrix {
namespace {

constexpr size_t kEthernetBytes = 14;

template <typename T>
const T& Pick(const std::vector<T>& from, std::mt19937_64& random) {
  return from[random() % from.size()];
}

size_t AddressBytes(Family family) { return family == Family::kIpv4 ? 4 : 16; }

std::optional<Address> DrawAddress(const AddressSet& set, Family family, std::mt19937_64& random) {
  Address address{};
  address.family = family;
  size_t fixed = 0;
  if (!set.any()) {
    // Sorted, so the prefixes of a family stand together.
    const auto of_family = std::ranges::equal_range(
        set.prefixes(), family, {}, [](const Prefix& prefix) { return prefix.address.family; });
    if (of_family.empty()) return std::nullopt;
    const Prefix& prefix = of_family[random() % of_family.size()];
    address = prefix.address;
    fixed = prefix.length;
  }
  for (size_t bit = fixed; bit < AddressBytes(family) * 8; ++bit)
    if (random() & 1) address.bytes[bit / 8] ^= static_cast<uint8_t>(0x80 >> bit % 8);
  return address;
}

uint16_t DrawPort(const std::vector<PortRange>& ranges, uint16_t lowest, std::mt19937_64& random) {
  if (ranges.empty()) return static_cast<uint16_t>(lowest + random() % (65536u - lowest));
  const PortRange& range = Pick(ranges, random);
  return static_cast<uint16_t>(range.first + random() % (range.last - range.first + 1u));
}

void Put16(uint8_t* to, size_t value) {
  to[0] = static_cast<uint8_t>(value >> 8);
  to[1] = static_cast<uint8_t>(value);
}

// Of an IPv4 header without options whose own field is zero (RFC 791).
size_t HeaderChecksum(const uint8_t* ip) {
  uint32_t sum = 0;
  for (size_t i = 0; i < 20; i += 2) sum += static_cast<uint32_t>(ip[i] << 8 | ip[i + 1]);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

size_t TransportAt(const uint8_t* bytes) { return kEthernetBytes + (bytes[12] == 0x86 ? 40 : 20); }

}  // namespace

std::optional<bench_frame> DrawFrame(const Rule& rule, const Interface& interface, Family family,
                                     std::mt19937_64& random) {
  std::vector<uint8_t> protocols;
  for (const uint8_t protocol : {uint8_t{IPPROTO_TCP}, uint8_t{IPPROTO_UDP}})
    if (rule.match.any_protocol ||
        std::ranges::find(rule.match.protocols, protocol) != rule.match.protocols.end())
      protocols.push_back(protocol);
  if (protocols.empty()) return std::nullopt;
  const bool in = rule.direction == Direction::kIn;
  const auto side = [&](const AddressSet& set, bool local) {
    return DrawAddress(local && set.any() ? interface.local : set, family, random);
  };
  const auto from = side(rule.match.from, !in), to = side(rule.match.to, in);
  if (!from || !to) return std::nullopt;
  const uint8_t protocol = Pick(protocols, random);

  std::array<uint8_t, BENCH_FRAME_BYTES> bytes{};
  const bool v6 = family == Family::kIpv6;
  bytes[0] = 0x02;
  Put16(&bytes[12], v6 ? 0x86dd : 0x0800);
  uint8_t* ip = &bytes[kEthernetBytes];
  const size_t header = v6 ? 40 : 20, payload = BENCH_FRAME_BYTES - kEthernetBytes - header;
  const size_t size = AddressBytes(family);
  if (v6) {
    ip[0] = 0x60;
    Put16(ip + 4, payload);
    ip[6] = protocol;
    ip[7] = 64;
  } else {
    ip[0] = 0x45;
    Put16(ip + 2, header + payload);
    ip[8] = 64;
    ip[9] = protocol;
  }
  std::copy_n(from->bytes.begin(), size, ip + header - 2 * size);
  std::copy_n(to->bytes.begin(), size, ip + header - size);
  if (!v6) Put16(ip + 10, HeaderChecksum(ip));  // peers behind the IP layer need it
  uint8_t* transport = ip + header;
  Put16(transport, DrawPort(rule.match.source_ports, 1024, random));
  Put16(transport + 2, DrawPort(rule.match.ports, 0, random));
  if (protocol == IPPROTO_TCP) {
    transport[12] = 0x50;
    transport[13] = PM_TCP_SYN;
  } else {
    Put16(transport + 4, payload);
  }
  bench_frame frame{};
  std::memcpy(&frame, bytes.data(), sizeof frame);
  return frame;
}

bench_frame AnswerTo(const bench_frame& frame) {
  std::array<uint8_t, BENCH_FRAME_BYTES> bytes{};
  std::memcpy(bytes.data(), &frame, sizeof frame);
  const size_t transport = TransportAt(bytes.data());
  const size_t size = bytes[12] == 0x86 ? 16 : 4;
  std::swap_ranges(&bytes[transport - 2 * size], &bytes[transport - size],
                   &bytes[transport - size]);
  std::swap_ranges(&bytes[transport], &bytes[transport + 2], &bytes[transport + 2]);
  if (bytes[kEthernetBytes + (bytes[12] == 0x86 ? 6 : 9)] == IPPROTO_TCP)
    bytes[transport + 13] = PM_TCP_SYN | PM_TCP_ACK;
  bench_frame answer{};
  std::memcpy(&answer, bytes.data(), sizeof answer);
  return answer;
}

}  // namespace portmatrix
