// SPDX-License-Identifier: Apache-2.0
// Cells of port summaries: the service, and who it is for.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "tools/import/party_cell.h"
#include "tools/import/plain_text.h"
#include "tools/import/port_text.h"
#include "tools/import/service_cell.h"

namespace portmatrix {
namespace {

struct Row {
  const char* name;
  const char* cell;
  const char* read;  // "role: protocols ports; protocols ports" or "? problem"

  friend void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }
};

std::string Text(const ServiceCell& cell) {
  if (!cell.problem.empty()) return "? " + cell.problem;
  std::string text;
  for (const CellService& service : cell.services) {
    text += text.empty() ? cell.role + ": " : "; ";
    text += fmt::format("{}", fmt::join(service.protocols, "+"));
    if (!service.ports.empty()) text += " " + PortsText(service.ports);
    if (service.icmp_type) text += fmt::format(" type {}", *service.icmp_type);
  }
  return text;
}

constexpr Row kServices[] = {
    {"RoleProtocolTransportPort", "Access/SIP(TLS)/TCP/443", "Access/SIP(TLS): tcp 443"},
    {"RoleWithSlashAndComma", "A/V/STUN,MSTURN/UDP/3478", "A/V/STUN,MSTURN: udp 3478"},
    {"MissingSlashBeforeTheTransport", "Web Conferencing/PSOM(TLS)TCP/443",
     "Web Conferencing/PSOM(TLS): tcp 443"},
    {"MissingSlashBeforeThePort", "XMPP/TCP5269", "XMPP: tcp 5269"},
    {"BlankForASlash", "SIP TCP 5061", "SIP: tcp 5061"},
    {"ColonForASlash", "SIP: TCP: 5061", "SIP: tcp 5061"},
    {"FullWidthForms", "ＳＩＰ／ＴＣＰ／５０６１", "SIP: tcp 5061"},
    {"NoBreakBlanks", "SIP/TCP\u00a0/\u00a05061", "SIP: tcp 5061"},
    {"NoRole", "TCP/443", ": tcp 443"},
    {"DigitsInTheRole", "H323/TCP/1720", "H323: tcp 1720"},
    {"SeveralTransportsOfOnePort", "DNS/TCP/UDP/53", "DNS: tcp+udp 53"},
    {"TransportsJoinedByAWord", "DNS/TCP and UDP/53", "DNS: tcp+udp 53"},
    {"TransportsWithPortsOfTheirOwn", "STUN/TCP/443, UDP/3478", "STUN: tcp 443; udp 3478"},
    {"TransportsInLines", "STUN/TCP/443\nUDP/3478", "STUN: tcp 443; udp 3478"},
    {"PortFirst", "443/TCP", ": tcp 443"},
    {"PortFirstWithRole", "A/V 50,000-59,999/UDP", "A/V: udp 50000-59999"},
    {"PortFirstWithBrackets", "SIP 5061 (TCP)", "SIP: tcp 5061"},
    {"PortFirstTwice", "443/TCP, 3478/UDP", ": tcp 443; udp 3478"},
    {"TheWordPort", "SIP over TCP port 5061", "SIP: tcp 5061"},
    {"AnyPort", "RPC/TCP/any", "RPC: tcp"},
    {"Ping", "ICMP echo request", ": icmp type 8"},
    {"PingOfSix", "ICMPv6/echo", ": icmpv6 type 128"},
    {"IcmpByNumber", "Monitoring/ICMP/type 3", "Monitoring: icmp type 3"},
    {"ProtocolWithoutPorts", "VPN/ESP", "VPN: 50"},
    {"ProtocolByNumber", "Tunnel/IP protocol 47", "Tunnel: 47"},
    {"Everything", "Any", ": any"},
    {"RepeatedTransport", "DNS over TCP/TCP/53", "DNS: tcp 53"},
    {"NumberBeforeAndBehind", "Lync 2013/TCP/443",
     "? `2013` stands before the transport, `443` behind it: which is the port?"},
    {"NoPort", "SIP/TCP", "? no port for tcp"},
    {"OnePortMissing", "STUN/TCP/443, UDP", "? no port for udp"},
    {"RemarkBehindThePort", "SIP/TCP/443 (outbound only)",
     "? `443 (outbound only)` is no list of ports"},
    {"UnclearComma", "DNS/TCP/53,443", "? `53,443` may be `53, 443` or `53443`"},
    {"TransportGluedToTheRole", "MTLSTCP/443", "? `MTLSTCP/443` names no transport"},
    {"OnlyWords", "see appendix", "? `see appendix` names no transport"},
    {"WordBehindIcmp", "ICMP replies", "? `replies` behind ICMP is not understood"},
    {"Nothing", "", "? no protocol and no port"},
};

class ServiceCells : public testing::TestWithParam<Row> {};

TEST_P(ServiceCells, AreTakenApartOrRefused) {
  EXPECT_EQ(Text(ReadServiceCell(PlainText(GetParam().cell))), GetParam().read);
}

INSTANTIATE_TEST_SUITE_P(Table, ServiceCells, testing::ValuesIn(kServices),
                         [](const auto& row) { return std::string(row.param.name); });

std::string Text(const Party& party) {
  if (!party.problem.empty()) return "? " + party.problem;
  if (party.any) return party.narrowing.empty() ? "any" : "any, or: " + party.narrowing;
  if (!party.prefixes.empty()) return fmt::format("{}", fmt::join(party.prefixes, ", "));
  return fmt::format("set {}", NameFrom(party.name));
}

constexpr Row kParties[] = {
    {"Any", "Any", "any"},
    {"AnyAddress", "any IP address", "any"},
    {"AStar", "*", "any"},
    {"AnyThatMayBeNarrowed", "Any (can be defined as the Front End, or its pool)",
     "any, or: Front End, or its pool"},
    {"AnyNarrowedInFullWidth", "Any（can be defined as Front End）", "any, or: Front End"},
    {"AnyWithAnotherRemarkIsAName", "Any (inside)", "set any-inside"},
    {"Address", "192.0.2.1", "192.0.2.1"},
    {"Addresses", "192.0.2.1, 2001:db8::/32", "192.0.2.1, 2001:db8::/32"},
    {"AddressesInLines", "192.0.2.1\n192.0.2.2", "192.0.2.1, 192.0.2.2"},
    {"HostBits", "192.0.2.1/24", "? `192.0.2.1/24` has bits set behind its first 24"},
    {"NoBreakBlanksInAName", "Edge\u00a0Server\u3000A/V service", "set edge-server-a-v-service"},
    {"Apostrophe", "Partner’s servers", "set partners-servers"},
    {"NobodyInAscii", "任意", "? no set can be named after `任意`"},
    {"ReservedName", "None", "? no set can be named after `None`"},
    {"ADash", "–", "? says nobody"},
    {"Nothing", "", "? says nobody"},
};

class PartyCells : public testing::TestWithParam<Row> {};

TEST_P(PartyCells, AreEverybodyAddressesOrNames) {
  EXPECT_EQ(Text(ReadParty(PlainText(GetParam().cell))), GetParam().read);
}

INSTANTIATE_TEST_SUITE_P(Table, PartyCells, testing::ValuesIn(kParties),
                         [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace portmatrix
