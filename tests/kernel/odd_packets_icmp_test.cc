// SPDX-License-Identifier: Apache-2.0
// ICMP errors with embedded packets of known, unknown and forged conversations, in both families
// and directions; and ICMP that is none.
#include "tests/kernel/odd_packets.h"
#include "tests/support/edge_node.h"

namespace portmatrix {
namespace {

using wire::Cut;
using wire::Ethernet;
using wire::Stack;
using wire::Zeros;

constexpr Direction kOut = Direction::kOut;
constexpr const char* kDefault = "drop default";

Stack Icmp(Family family, uint8_t type, uint8_t code = 0) {
  if (family == Family::kIpv4) return wire::Icmp{.type = type, .code = code};
  return wire::Icmpv6{.type = type, .code = code};
}

// Names of one family's hosts.
struct Net {
  Family family;
  wire::Ip host = HostAddress(family);
  wire::Ip peer = PeerAddress(family);
  wire::Ip router = RouterAddress(family);
  wire::Ip admin = AdminAddress(family);
  wire::Ip neighbour = family == Family::kIpv4 ? "203.0.113.12" : "2001:db8::12";

  Step Opens(const Stack& transport, const std::string& rule) const {
    return {.direction = kOut, .packet = Out(family, transport), .expected = "pass rule " + rule};
  }
  // A router's error to the host about `embedded`, with IP header.
  Step ErrorIn(const Stack& embedded, const std::string& expected) const {
    return {.packet = FrameBetween(router, host) / Unreachable(family) / embedded,
            .expected = expected};
  }
  Step ErrorOut(const Stack& embedded, const std::string& expected) const {
    return {.direction = kOut,
            .packet = FrameBetween(host, peer) / Unreachable(family) / embedded,
            .expected = expected};
  }
  Stack Sent(const Stack& transport) const { return Between(host, peer) / transport; }
  Stack Received(const Stack& transport) const { return Between(peer, host) / transport; }
};

std::vector<Story> Known(Family family) {
  const Net net = {family};
  struct Conversation {
    const char* name;
    Stack opening;
    Stack later;
    const char* rule;
  };
  const Conversation conversations[] = {
      {"Udp", UdpOf(5, 53), UdpOf(5, 53), "dns-out"},
      {"Tcp", TcpOf(5, 443, wire::kSyn), TcpOf(5, 443, wire::kAck), "https-out"},
      {"Sctp", SctpOf(5, 7, kSctpInit), SctpOf(5, 7, 0), "sctp-out"},
      {"Echo", EchoRequest(family, 9), EchoRequest(family, 9), "ping-out"},
      {"Esp", Zeros(8, protocol::kEsp), Zeros(8, protocol::kEsp), "esp-out"},
  };
  std::vector<Story> stories;
  for (const Conversation& row : conversations) {
    const std::string reply = std::string("pass reply ") + row.rule;
    const Step opens = net.Opens(row.opening, row.rule);
    stories.push_back({std::string(row.name) + "AboutTheOpeningPacket",
                       {opens, net.ErrorIn(net.Sent(row.opening), reply)}});
    stories.push_back({std::string(row.name) + "AboutALaterPacket",
                       {opens, net.ErrorIn(net.Sent(row.later), reply)}});
    stories.push_back({std::string(row.name) + "AboutEightBytes",
                       {opens, net.ErrorIn(net.Sent(Cut{8} / row.later), reply)}});
    stories.push_back({std::string(row.name) + "AboutSevenBytes",
                       {opens, net.ErrorIn(net.Sent(Cut{7} / row.later), kDefault)}});
  }
  // Of what the `in` rules offer, and of the failsafe entry.
  const auto in = [&](const char* name, const Stack& transport, const char* expected) {
    stories.push_back({name, {net.ErrorIn(net.Sent(transport), expected)}});
  };
  const auto out = [&](const char* name, const Stack& transport, const char* expected) {
    stories.push_back({name, {net.ErrorOut(net.Received(transport), expected)}});
  };
  in("AboutAServicesAnswer", TcpOf(443, 5, wire::kAck), "pass reply web");
  in("AboutADatagramsAnswer", UdpOf(50000, 5), "pass reply media-in");
  in("AboutAnEchoReply", EchoReply(family, 9), "pass reply ping-in");
  in("AboutAGreAnswer", Zeros(8, 47), "pass reply gre-in");
  out("AboutAServicesOpeningPacket", TcpOf(5, 443, wire::kSyn), "pass reply web");
  out("AboutAServicesPacket", TcpOf(5, 443, wire::kAck), "pass reply web");
  out("AboutADatagram", UdpOf(5, 50000), "pass reply media-in");
  out("AboutAnEchoRequest", EchoRequest(family, 9), "pass reply ping-in");
  out("AboutGre", Zeros(8, 47), "pass reply gre-in");
  out("AboutEightBytesOut", Cut{8} / TcpOf(5, 443, wire::kSyn), "pass reply web");
  out("AboutSevenBytesOut", Cut{7} / TcpOf(5, 443, wire::kSyn), kDefault);
  stories.push_back({"AboutAnAnswerInAConversation",
                     {net.Opens(UdpOf(5, 53), "dns-out"),
                      net.ErrorOut(net.Received(UdpOf(53, 5)), "pass reply dns-out")}});
  stories.push_back(
      {"AboutAFailsafeAnswer",
       {net.ErrorIn(Between(net.host, net.admin) / TcpOf(22, 5, wire::kAck), "pass failsafe")}});
  stories.push_back({"AboutAFailsafePacket",
                     {{.direction = kOut,
                       .packet = FrameBetween(net.host, net.admin) / Unreachable(family) /
                                 Between(net.admin, net.host) / TcpOf(5, 22, wire::kSyn),
                       .expected = "pass failsafe"}}});
  return stories;
}

std::vector<Story> UnknownAndForged(Family family) {
  const Net net = {family};
  const Step query = net.Opens(UdpOf(5, 53), "dns-out");
  const Stack about = net.Sent(UdpOf(5, 53));
  const auto in = [&](const char* name, const Stack& embedded) {
    return Story{name, {query, net.ErrorIn(embedded, kDefault)}};
  };
  const auto out = [&](const char* name, const Stack& embedded) {
    return Story{name, {query, net.ErrorOut(embedded, kDefault)}};
  };
  const Net other_family = {family == Family::kIpv4 ? Family::kIpv6 : Family::kIpv4};
  const Stack error = Unreachable(family);
  std::vector<Story> stories = {
      {"AboutNothing", {net.ErrorIn(about, kDefault)}},
      {"AfterTheConversation",
       {query,
        {.milliseconds = Seconds(30),
         .packet = FrameBetween(net.router, net.host) / error / about,
         .expected = kDefault}}},
      in("AnotherSourcePort", net.Sent(UdpOf(6, 53))),
      in("AnotherDestinationPort", net.Sent(UdpOf(5, 54))),
      in("AnotherProtocol", net.Sent(TcpOf(5, 53, wire::kAck))),
      in("AnotherPeer", Between(net.host, net.router) / UdpOf(5, 53)),
      in("AnotherLocalSender", Between(net.neighbour, net.peer) / UdpOf(5, 53)),
      in("ThePeersPacket", net.Received(UdpOf(53, 5))),
      in("AnotherIdentifier", net.Sent(EchoRequest(family, 10))),
      {"ToAnotherThanWhoSent",
       {query,
        {.packet = FrameBetween(net.router, net.neighbour) / error / about, .expected = kDefault}}},
      {"FromALocalAddress",
       {query,
        {.packet = FrameBetween(net.neighbour, net.host) / error / about,
         .expected = "drop spoofed"}}},
      {"FromTheHostItself",
       {query,
        {.packet = FrameBetween(net.host, net.host) / error / about, .expected = "drop spoofed"}}},
      in("NothingEmbedded", Stack()),
      in("EmbeddedHeaderAlone", Cut{family == Family::kIpv4 ? size_t{20} : size_t{40}} / about),
      in("EmbeddedHeaderCut", Cut{19} / about),
      in("EmbeddedOtherFamily", other_family.Sent(UdpOf(5, 53))),
      in("EmbeddedError", net.Sent(error / about)),
      in("EmbeddedIcmpOfTheOtherFamily",
         net.Sent(family == Family::kIpv4 ? Stack(wire::Icmpv6{}) : Stack(wire::Icmp{}))),
      out("AboutAPortThatIsNotOffered", net.Received(UdpOf(5, 49999))),
      out("AboutADeniedPacket", net.Received(TcpOf(5, 23, wire::kSyn))),
      out("AboutAnAnswerToNothing", net.Received(UdpOf(53, 6))),
      out("AboutTheHostsOwnPacket", about),
      {"FromWhatIsNotLocal",
       {{.direction = kOut,
         .packet =
             FrameBetween(net.router, net.peer) / error / net.Received(TcpOf(5, 443, wire::kAck)),
         .expected = kDefault}}},
  };
  if (family == Family::kIpv4) {
    wire::Ipv4 ip = Ipv4Going(kOut);
    const auto with = [&](const char* name, void (*change)(wire::Ipv4&), bool passes) {
      wire::Ipv4 changed = ip;
      change(changed);
      stories.push_back(
          {name,
           {query, net.ErrorIn(changed / UdpOf(5, 53), passes ? "pass reply dns-out" : kDefault)}});
    };
    with(
        "EmbeddedLaterFragment", [](wire::Ipv4& h) { h.fragment_offset = 8; }, false);
    with(
        "EmbeddedFirstFragment", [](wire::Ipv4& h) { h.more_fragments = true; }, true);
    with(
        "EmbeddedShortHeader", [](wire::Ipv4& h) { h.header_words = 4; }, false);
    with(
        "EmbeddedOptions", [](wire::Ipv4& h) { h.options = wire::Bytes(40, 1); }, true);
    with(
        "EmbeddedSourceRoute",
        [](wire::Ipv4& h) {
          h.options = {131, 3, 4, 0};
        },
        true);
    with(
        "EmbeddedTotalLengthOfZero", [](wire::Ipv4& h) { h.total_length = 0; }, true);
  } else {
    const auto with = [&](const char* name, const Stack& chain, bool passes) {
      stories.push_back({name,
                         {query, net.ErrorIn(Ipv6Going(kOut) / chain / UdpOf(5, 53),
                                             passes ? "pass reply dns-out" : kDefault)}});
    };
    Stack eight;
    for (int i = 0; i < 8; ++i) eight.Add(wire::Extension{});
    with("EmbeddedLaterFragment", wire::FragmentHeader{.offset = 8}, false);
    with("EmbeddedFirstFragment", wire::FragmentHeader{.more = true}, true);
    with("EmbeddedAtomicFragment", wire::FragmentHeader{}, true);
    with("EmbeddedTwoFragmentHeaders", Stack(wire::FragmentHeader{}) / wire::FragmentHeader{},
         false);
    with("EmbeddedEightExtensions", eight, true);
    with("EmbeddedNineExtensions", eight / wire::Extension{}, false);
    with("EmbeddedRouteUnfinished", wire::Routing{.segments_left = 1}, false);
    with("EmbeddedRouteAtItsEnd", wire::Routing{}, true);
    with("EmbeddedAuthentication", wire::Authentication{}, true);
  }
  return stories;
}

// Every type: errors pass for what they are about, others are judged by the rules alone.
std::vector<Story> Types(Family family) {
  const Net net = {family};
  std::vector<Story> stories;
  for (int type = 0; type < 256; ++type) {
    const bool v4 = family == Family::kIpv4;
    const bool is_error = v4 ? type == 3 || type == 11 || type == 12 : type >= 1 && type <= 4;
    const bool is_ping = type == (v4 ? 8 : 128);
    for (const uint8_t code : {uint8_t{0}, uint8_t{255}}) {
      const Stack message = Icmp(family, static_cast<uint8_t>(type), code);
      const char* in = is_error ? "pass reply dns-out" : is_ping ? "pass rule ping-in" : kDefault;
      const char* out = is_error ? "pass reply web" : is_ping ? "pass rule ping-out" : kDefault;
      // An answer to what `ping-in` offers.
      if (type == (v4 ? 0 : 129) && code == 0) out = "pass reply ping-in";
      stories.push_back(
          {"Type" + std::to_string(type) + "Code" + std::to_string(code),
           {net.Opens(UdpOf(5, 53), "dns-out"),
            {.packet = FrameBetween(net.router, net.host) / message / net.Sent(UdpOf(5, 53)),
             .expected = in},
            {.direction = kOut,
             .packet = FrameBetween(net.host, net.peer) / message /
                       net.Received(TcpOf(5, 443, wire::kSyn)),
             .expected = out}}});
    }
  }
  return stories;
}

// An error in fragments is one by its first; behind a later one nothing is looked at.
std::vector<Story> InFragments() {
  const Net net = {Family::kIpv4};
  wire::Ipv4 first{.source = net.router, .destination = net.host, .more_fragments = true};
  wire::Ipv4 later{.source = net.router, .destination = net.host, .fragment_offset = 40};
  const Stack error = Unreachable(Family::kIpv4) / net.Sent(UdpOf(5, 53)) / Zeros(4);
  return {{"ErrorInFragments",
           {net.Opens(UdpOf(5, 53), "dns-out"),
            {.packet = Ethernet{} / first / error, .expected = "pass reply dns-out"},
            {.packet = Ethernet{} / later / Zeros(8, protocol::kIcmp),
             .expected = "pass reply dns-out"}}}};
}

class OddIcmp : public OddPackets {};

TEST_F(OddIcmp, ErrorsOfKnownConversations) {
  for (const Family family : {Family::kIpv4, Family::kIpv6}) Expect(Known(family));
}
TEST_F(OddIcmp, ErrorsOfUnknownAndForgedConversations) {
  for (const Family family : {Family::kIpv4, Family::kIpv6}) Expect(UnknownAndForged(family));
}
TEST_F(OddIcmp, EveryTypeOfIpv4) { ExpectMany(Types(Family::kIpv4)); }
TEST_F(OddIcmp, EveryTypeOfIpv6) { ExpectMany(Types(Family::kIpv6)); }
TEST_F(OddIcmp, ErrorsInFragments) { Expect(InFragments()); }

}  // namespace
}  // namespace portmatrix
