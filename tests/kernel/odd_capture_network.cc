// SPDX-License-Identifier: Apache-2.0
// Tags, IP headers and fragments of the capture.
#include <algorithm>

#include "tests/kernel/odd_capture_rows.h"
#include "tests/kernel/odd_packets.h"
#include "tests/support/edge_node.h"

namespace portmatrix {
namespace {

using wire::Bytes;
using wire::Cut;
using wire::Ethernet;
using wire::Extension;
using wire::FragmentHeader;
using wire::Ipv4;
using wire::Ipv6;
using wire::Stack;
using wire::Vlan;
using wire::Zeros;

constexpr Direction kIn = Direction::kIn;
constexpr Direction kOut = Direction::kOut;
constexpr Direction kDirections[] = {kIn, kOut};
constexpr Family kFamilies[] = {Family::kIpv4, Family::kIpv6};

Stack HeaderOf(uint8_t kind) {
  if (kind == protocol::kRouting) return wire::Routing{};
  if (kind == protocol::kFragment) return FragmentHeader{.identification = 7};
  if (kind == protocol::kAuthentication) return wire::Authentication{};
  return Extension{.kind = kind};
}

}  // namespace

void AddTags(CaptureRows& rows) {
  const Stack customer = Vlan{.id = 5}, service = Vlan{.id = 5, .tpid = ethertype::kServiceVlan};
  const Stack priority = Vlan{.id = 0, .priority = 5}, inner = Vlan{.id = 6};
  struct Row {
    const char* name;
    Stack tags;
    std::string in;
    std::string out;
  };
  const Row table[] = {
      {"802.1Q", customer, "allow rule customer/tagged/web", kDropDefault},
      {"802.1ad", service, "allow rule customer/tagged/web", kDropDefault},
      {"two tags", service / inner, "allow rule stacked/tagged/web", kDropDefault},
      {"two tags that none names", service / Vlan{.id = 7}, "drop vlan", "drop vlan"},
      {"a tag that none names", Vlan{.id = 9}, "drop vlan", "drop vlan"},
      {"priority tag", priority, WebPasses(kIn), WebPasses(kOut)},
      {"two priority tags", priority / priority, WebPasses(kIn), WebPasses(kOut)},
  };
  for (const Row& row : table) {
    for (const Direction direction : kDirections) {
      const std::string& expected = direction == kIn ? row.in : row.out;
      rows.Add(row.name, direction, Ethernet{} / row.tags / Ipv4Going(direction) / Https(),
               expected);
      rows.Add(row.name, direction, Ethernet{} / row.tags / Ipv6Going(direction) / Https(),
               expected);
    }
  }
  // Behind three no address is looked for: what has none travels in.
  const Stack packet = Ipv4Going(kIn) / Https();
  rows.Add("three tags", kIn, Ethernet{} / service / inner / Vlan{.id = 7} / packet,
           kDropMalformed);
  rows.Add("three priority tags", kIn, Ethernet{} / priority / priority / priority / packet,
           kDropMalformed);
  rows.Add("ARP", kIn, Ethernet{.ethertype = ethertype::kArp} / Zeros(46), "allow ethertype");
  rows.Add("MPLS", kIn, Ethernet{.ethertype = 0x8847} / Zeros(46), "drop ethertype");
  rows.Add("a length", kIn, Ethernet{.ethertype = 46} / Zeros(46), "drop ethertype");
}

void AddIpv4Headers(CaptureRows& rows) {
  for (const Direction direction : kDirections) {
    const auto row = [&](const char* name, void (*change)(Ipv4&), bool passes,
                         size_t trailing = 0) {
      Ipv4 ip = Ipv4Going(direction);
      change(ip);
      rows.Add(name, direction, Ethernet{} / ip / Https() / Zeros(trailing),
               passes ? WebPasses(direction) : kDropMalformed);
    };
    row(
        "options", [](Ipv4& ip) { ip.options = {7, 7, 4, 0, 0, 0, 0, 0}; }, true);
    row(
        "forty bytes of options", [](Ipv4& ip) { ip.options = Bytes(40, 1); }, true);
    row(
        "source route",
        [](Ipv4& ip) {
          ip.options = {131, 3, 4, 0};
        },
        false);
    row(
        "option of no length",
        [](Ipv4& ip) {
          ip.options = {68, 0, 0, 0};
        },
        false);
    row(
        "IHL of four", [](Ipv4& ip) { ip.header_words = 4; }, false);
    row(
        "IHL beyond the end", [](Ipv4& ip) { ip.header_words = 15; }, false);
    row(
        "total length of zero", [](Ipv4& ip) { ip.total_length = 0; }, false);
    row(
        "total length of one too many", [](Ipv4& ip) { ip.total_length = 41; }, false);
    row(
        "total length that cuts TCP", [](Ipv4& ip) { ip.total_length = 39; }, false);
    row(
        "trailing bytes", [](Ipv4& ip) { ip.total_length = 40; }, true, 6);
    row(
        "version six", [](Ipv4& ip) { ip.version = 6; }, false);
  }
}

void AddIpv6Headers(CaptureRows& rows) {
  std::vector<uint8_t> kinds = {0,
                                protocol::kRouting,
                                protocol::kFragment,
                                protocol::kAuthentication,
                                protocol::kDestinationOptions,
                                protocol::kMobility,
                                protocol::kHostIdentity,
                                protocol::kShim6};
  const Stack jumbo = Extension{.kind = 0, .content = {0xc2, 4, 0, 1, 0, 0}};
  for (const Direction direction : kDirections) {
    const auto row = [&](const std::string& name, const Stack& content,
                         const std::string& expected) {
      rows.Add(name, direction, Ethernet{} / Ipv6Going(direction) / content, expected);
    };
    const std::string esp = direction == kIn ? kDropDefault : ByRule("esp-out");
    // Each kind first, and last, and in the middle.
    for (size_t turn = 0; turn < kinds.size(); ++turn) {
      Stack chain = HeaderOf(kinds[0]);
      for (size_t i = 1; i < kinds.size(); ++i) chain.Add(HeaderOf(kinds[i]));
      row("eight extension headers", chain / Https(), WebPasses(direction));
      row("nine extension headers", chain / Extension{} / Https(), kDropMalformed);
      row("eight and ESP", chain / Zeros(8, protocol::kEsp), esp);
      std::ranges::rotate(kinds, kinds.begin() + 1);
    }
    row("authentication header", wire::Authentication{} / Https(), WebPasses(direction));
    row("ESP", Zeros(8, protocol::kEsp), esp);
    row("no next header", Zeros(0, protocol::kNoNextHeader), kDropDefault);
    row("routing header of type 0", wire::Routing{.type = 0} / Https(), kDropMalformed);
    row("routing header with a segment left", wire::Routing{.segments_left = 1} / Https(),
        kDropMalformed);
    row("two fragment headers", FragmentHeader{} / FragmentHeader{} / Https(), kDropMalformed);
    row("extension header beyond the end", Extension{.length = 255} / Https(), kDropMalformed);
    Ipv6 ip = Ipv6Going(direction);
    ip.payload_length = 0;
    rows.Add("jumbogram", direction, Ethernet{} / ip / jumbo / Https() / Zeros(1000),
             kDropMalformed);
    ip.payload_length = 20;
    rows.Add("trailing bytes", direction, Ethernet{} / ip / Https() / Zeros(9),
             WebPasses(direction));
  }
}

void AddFragments(CaptureRows& rows) {
  uint32_t datagram = 1;
  for (const Family family : kFamilies) {
    for (const Direction direction : kDirections) {
      const auto row = [&](const char* name, uint16_t offset, bool more, const Stack& content,
                           const std::string& expected) {
        if (family == Family::kIpv4) {
          Ipv4 ip = Ipv4Going(direction);
          ip.identification = static_cast<uint16_t>(datagram);
          ip.fragment_offset = offset;
          ip.more_fragments = more;
          rows.Add(name, direction, Ethernet{} / ip / content, expected);
        } else {
          rows.Add(name, direction,
                   Ethernet{} / Ipv6Going(direction) /
                       FragmentHeader{.identification = datagram, .offset = offset, .more = more} /
                       content,
                   expected);
        }
      };
      const std::string passes = WebPasses(direction);
      const Stack first = Https() / Zeros(12), closed = TcpOf(5, 24, wire::kSyn) / Zeros(12);
      const Stack later = Zeros(16, protocol::kTcp);
      row("last before the first", 48, false, later, "drop fragment");
      row("first", 0, true, first, passes);
      row("middle", 32, true, later, passes);
      row("last", 48, false, later, passes);
      row("overlaps the header", 16, true, later, kDropMalformed);
      row("overlaps the data", 24, true, later, passes);
      row("another first, which is dropped", 0, true, closed, kDropDefault);
      row("middle of what is dropped", 32, true, later, kDropDefault);
      ++datagram;
      row("middle of an unknown one", 32, true, later, "drop fragment");
      row("tiny first", 0, true, Cut{16} / Https(), kDropMalformed);
      row("middle behind the tiny first", 16, true, later, "drop fragment");
      row("odd length with more to come", 0, true, Https() / Zeros(5), kDropMalformed);
      row("end beyond the largest datagram", 65528, false, later, kDropMalformed);
      ++datagram;
      if (family == Family::kIpv6) row("atomic", 0, false, Https(), passes);
    }
  }
}

}  // namespace portmatrix
