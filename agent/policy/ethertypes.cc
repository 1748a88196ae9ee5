// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/ethertypes.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "agent/policy/fields.h"
#include "agent/policy/limits.h"
#include "agent/policy/scalar.h"

namespace portmatrix {
namespace {

constexpr uint16_t kArp = 0x0806;
constexpr uint32_t kFirstType = 0x0600;  // below: the length of an 802.3 frame

struct Ethertype {
  const char* word;
  uint16_t type;
};
constexpr Ethertype kWords[] = {
    {"arp", kArp}, {"lldp", 0x88cc}, {"slow", 0x8809}, {"eapol", 0x888e}};
constexpr Ethertype kRefused[] = {{"IPv4, which rules judge", 0x0800},
                                  {"IPv6, which rules judge", 0x86dd},
                                  {"a VLAN tag, which `vlan` selects", 0x8100},
                                  {"a VLAN tag, which `vlan` selects", 0x88a8},
                                  {"an old VLAN tag, with IP behind it", 0x9100},
                                  {"an old VLAN tag, with IP behind it", 0x9200}};
constexpr Ethertype kWarned[] = {
    {"PPPoE discovery", 0x8863}, {"PPPoE sessions", 0x8864}, {"MPLS", 0x8847}, {"MPLS", 0x8848}};

std::optional<uint32_t> ParseType(std::string_view text) {
  for (const Ethertype& known : kWords) {
    if (text == known.word) return known.type;
  }
  if (!text.starts_with("0x")) return ParseNumber(text, 0xffff);
  uint32_t type = 0;
  const char* const last = text.data() + text.size();
  const auto [end, failure] = std::from_chars(text.data() + 2, last, type, 16);
  if (failure != std::errc() || end != last || text.size() > 6) return std::nullopt;
  return type;
}

std::optional<uint16_t> ReadType(const YamlNode& value, Diagnostics& diagnostics) {
  if (!Expect(value, YamlNode::Kind::kText, "an Ethertype", diagnostics)) return std::nullopt;
  const auto type = ParseType(value.text);
  if (!type) {
    diagnostics.Error("bad-ethertype", value.span, fmt::format("`{}` is no Ethertype", value.text),
                      "write arp, lldp, slow, eapol, or a number like 0x88b5");
    return std::nullopt;
  }
  if (*type != 0 && *type < kFirstType) {
    diagnostics.Error("bad-ethertype", value.span,
                      fmt::format("`{}` is a length, no Ethertype", value.text),
                      "write 0 for frames with a length (802.3), or a number from 0x0600");
    return std::nullopt;
  }
  const auto refused = std::ranges::find(kRefused, *type, &Ethertype::type);
  if (refused != std::end(kRefused)) {
    diagnostics.Error("bad-ethertype", value.span,
                      fmt::format("`{}` is {}", value.text, refused->word),
                      "remove it from the list");
    return std::nullopt;
  }
  const auto warned = std::ranges::find(kWarned, *type, &Ethertype::type);
  if (warned != std::end(kWarned)) {
    diagnostics.Warning("ethertype-carries-ip", value.span,
                        fmt::format("`{}` is {}: the IP inside passes without being judged",
                                    value.text, warned->word),
                        "leave it out unless this interface shall not filter that");
  }
  return static_cast<uint16_t>(*type);
}

}  // namespace

std::vector<uint16_t> DefaultEthertypes() {
  std::vector<uint16_t> types;
  for (const Ethertype& known : kWords) types.push_back(known.type);
  return types;
}

std::vector<uint16_t> ReadEthertypes(const YamlNode& value, Diagnostics& diagnostics) {
  const size_t errors = diagnostics.errors();
  std::vector<uint16_t> types;
  for (const YamlNode& item : OneOrMany(value, "ethertypes", false, diagnostics)) {
    const auto type = ReadType(item, diagnostics);
    if (!type) continue;
    if (std::ranges::find(types, *type) != types.end()) {
      diagnostics.Error("listed-twice", item.span,
                        fmt::format("Ethertype `{}` is listed twice", item.text),
                        "remove one of them");
      continue;
    }
    types.push_back(*type);
  }
  if (diagnostics.errors() > errors) return types;
  if (std::ranges::find(types, kArp) == types.end()) {
    diagnostics.Error("bad-ethertype", value.span, "ARP cannot be taken off the list",
                      "add `arp`: without it no IPv4 packet finds its way");
  }
  if (types.size() > kMaxEthertypes) {
    diagnostics.Error("limit", value.span,
                      fmt::format("{} Ethertypes, {} more than the limit of {} (kMaxEthertypes)",
                                  types.size(), types.size() - kMaxEthertypes, kMaxEthertypes),
                      "remove those that this interface does not need");
  }
  return types;
}

std::string EthertypeWord(uint16_t type) {
  const auto known = std::ranges::find(kWords, type, &Ethertype::type);
  return known != std::end(kWords) ? known->word : fmt::format("0x{:04x}", type);
}

}  // namespace portmatrix
