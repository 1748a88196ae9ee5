// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/prefix_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <optional>

#include "agent/policy/scalar.h"

namespace portmatrix {
namespace {

// Dotted quad with leading zeros taken off; empty if it is none then either.
std::string WithoutLeadingZeros(std::string_view text) {
  std::string cleaned;
  for (size_t at = 0; at < text.size(); ++at) {
    const bool begins = at == 0 || text[at - 1] == '.';
    if (begins) {
      while (text[at] == '0' && at + 1 < text.size() && text[at + 1] != '.') ++at;
    }
    cleaned += text[at];
  }
  return cleaned != text && ParseAddress(cleaned) ? cleaned : "";
}

bool HasLetterBeyondHex(std::string_view text) {
  return std::ranges::any_of(
      text, [](char byte) { return (byte >= 'g' && byte <= 'z') || (byte >= 'G' && byte <= 'Z'); });
}

PrefixProblem BadAddress(std::string_view whole, std::string_view address) {
  PrefixProblem problem{fmt::format("`{}` is no address", whole), ""};
  if (address.find('%') != std::string_view::npos) {
    problem.hint = "leave out the zone (`%...`); the interface says where it holds";
  } else if (const std::string cleaned = WithoutLeadingZeros(address); !cleaned.empty()) {
    problem.hint = fmt::format("write {} (a leading zero means octal to some programs)", cleaned);
  } else if (address.find('-') != std::string_view::npos && !HasLetterBeyondHex(address)) {
    problem.hint = "address ranges are not supported; write prefixes";
  } else if (HasLetterBeyondHex(address)) {
    problem.hint = "host names are not supported; write addresses";
  } else if (address.find(':') == std::string_view::npos) {
    problem.hint = "an IPv4 address has four numbers from 0 to 255";
  } else {
    problem.hint = "an IPv6 address has eight groups of hex digits, `::` at most once";
  }
  return problem;
}

// The length that a netmask such as 255.255.255.0 stands for.
std::optional<int> NetmaskLength(std::string_view text) {
  const auto mask = ParseAddress(text);
  if (!mask || mask->family != Family::kIpv4) return std::nullopt;
  uint32_t bits = 0;
  for (size_t byte = 0; byte < 4; ++byte) bits = bits << 8 | mask->bytes[byte];
  const int ones = std::countl_one(bits);
  if (std::popcount(bits) != ones) return std::nullopt;
  return ones;
}

bool IsMapped(const Prefix& prefix) {
  static const Prefix kMapped{*ParseAddress("::ffff:0:0"), 96};
  return kMapped.Contains(prefix);
}

Prefix Unmapped(const Prefix& prefix) {
  Prefix plain;
  std::copy_n(prefix.address.bytes.begin() + 12, 4, plain.address.bytes.begin());
  plain.length = static_cast<uint8_t>(prefix.length - 96);
  return plain;
}

}  // namespace

bool LooksLikePrefix(std::string_view text) {
  return text.find_first_of(".:/%") != std::string_view::npos;
}

std::variant<Prefix, PrefixProblem> ParsePrefix(std::string_view text) {
  const size_t slash = text.find('/');
  const std::string_view address_text = text.substr(0, slash);
  const auto address = ParseAddress(address_text);
  if (!address) return BadAddress(text, address_text);
  Prefix prefix = HostPrefix(*address);
  if (slash != std::string_view::npos) {
    const std::string_view length_text = text.substr(slash + 1);
    const int bits = AddressBits(address->family);
    const auto length = ParseNumber(length_text, static_cast<uint32_t>(bits));
    if (!length) {
      PrefixProblem problem{fmt::format("`{}` has no prefix length from 0 to {}", text, bits), ""};
      const size_t digit = std::min(length_text.find_first_not_of('0'), length_text.size());
      if (const auto ones = NetmaskLength(length_text); ones && bits == 32) {
        problem.hint = fmt::format("write {}/{}", address_text, *ones);
      } else if (const auto plain =
                     ParseNumber(length_text.substr(digit), static_cast<uint32_t>(bits))) {
        problem.hint = fmt::format("write {}/{}, without leading zeros", address_text, *plain);
      } else {
        problem.hint = fmt::format("write {} for the one address", ToString(*address));
      }
      return problem;
    }
    prefix.length = static_cast<uint8_t>(*length);
  }
  const Prefix clean{Masked(prefix.address, prefix.length), prefix.length};
  if (IsMapped(clean)) {
    return PrefixProblem{
        fmt::format("`{}` is an IPv4 address in IPv6 clothes, which no packet carries", text),
        fmt::format("write {}", ToString(Unmapped(clean)))};
  }
  if (clean.address != prefix.address) {
    return PrefixProblem{fmt::format("`{}` has bits set behind its first {}", text, prefix.length),
                         fmt::format("write {} for the whole prefix, or {} for the one address",
                                     ToString(clean), ToString(*address))};
  }
  return prefix;
}

}  // namespace portmatrix
