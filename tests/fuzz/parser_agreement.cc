// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/parser_agreement.h"

#include <fmt/format.h>

#include <cstring>

#include "agent/policy/frame.h"
#include "agent/policy/packet.h"
#include "agent/policy/protocol.h"
#include "tests/fuzz/kernel_parser.h"
#include "tests/support/packet_text.h"

namespace portmatrix {
namespace {

std::string LinkText(const std::optional<LinkHeader>& link, size_t payload_at) {
  if (!link) return "malformed";
  return fmt::format("tags {} {} type {:04x} payload at {}", link->vlan[0], link->vlan[1],
                     link->ethertype, payload_at);
}

std::string LinkText(const pm_host_facts& facts) {
  if (facts.link_result == PM_HOST_INTERNAL) return "internal";
  if (facts.link_result == PM_HOST_MALFORMED) return "malformed";
  return fmt::format("tags {} {} type {:04x} payload at {}", facts.outer, facts.inner,
                     facts.ethertype, facts.payload_at);
}

// What may decide anything: whole packets have no fragment's facts, atomic ones neither.
pm_packet Meaning(pm_packet packet) {
  if (packet.fragment == PM_WHOLE) packet.identification = 0;
  if (packet.fragment != PM_FIRST) packet.header_end = 0;
  return packet;
}

std::string Hex(const pm_packet& packet) {
  std::string text;
  const auto* bytes = reinterpret_cast<const uint8_t*>(&packet);
  for (size_t i = 0; i < sizeof packet; ++i) text += fmt::format("{:02x}", bytes[i]);
  return text;
}

}  // namespace

std::string ParserDifference(const ParserInput& input) {
  const pm_host_facts facts =
      pm_host_parse(input.frame.data(), static_cast<uint32_t>(input.frame.size()), input.segmented,
                    input.tag.has_value(), input.tag.value_or(0));
  constexpr uint32_t kTpid = uint32_t{ethertype::kVlan} << 16;
  const auto link = DecodeLink(
      input.frame, input.tag ? std::optional<uint32_t>(kTpid | *input.tag) : std::nullopt);
  const std::string expected = LinkText(link, link ? input.frame.size() - link->payload.size() : 0);
  if (LinkText(facts) != expected)
    return fmt::format("link: reference {}, kernel {}", expected, LinkText(facts));
  if (!link || (link->ethertype != ethertype::kIpv4 && link->ethertype != ethertype::kIpv6))
    return "";

  const Family family = link->ethertype == ethertype::kIpv4 ? Family::kIpv4 : Family::kIpv6;
  const auto packet = DecodePacket(family, link->payload, input.segmented);
  if (facts.packet_result == PM_HOST_INTERNAL) return "packet: kernel reads outside of the frame";
  std::optional<pm_packet> known, learnt;
  if (packet) known = Meaning(*packet);
  if (facts.packet_result == PM_HOST_OK) learnt = Meaning(facts.packet);
  if (known && learnt && std::memcmp(&*known, &*learnt, sizeof *known) != 0)
    return fmt::format("packet: reference {}, kernel {}\n{}\n{}", Describe(known), Describe(learnt),
                       Hex(*known), Hex(*learnt));
  if (known.has_value() != learnt.has_value())
    return fmt::format("packet: reference {}, kernel {}", Describe(known), Describe(learnt));
  return "";
}

ParserInput FromFuzzer(std::span<const uint8_t> bytes) {
  ParserInput input;
  if (bytes.empty()) return input;
  const uint8_t choices = bytes[0];
  input.segmented = (choices & 1) != 0;
  bytes = bytes.subspan(1);
  if ((choices & 2) != 0 && bytes.size() >= 2) {
    input.tag = static_cast<uint16_t>(bytes[0] << 8 | bytes[1]);
    bytes = bytes.subspan(2);
  }
  input.frame = bytes;
  return input;
}

}  // namespace portmatrix
