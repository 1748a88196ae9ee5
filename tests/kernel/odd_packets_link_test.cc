// SPDX-License-Identifier: Apache-2.0
// Tags and Ethertypes: which interface a frame selects, and what counts under the device.
#include "tests/kernel/odd_packets.h"
#include "tests/support/edge_node.h"

namespace portmatrix {
namespace {

using wire::Cut;
using wire::Ethernet;
using wire::Stack;
using wire::Vlan;
using wire::Zeros;

constexpr Direction kIn = Direction::kIn;
constexpr Direction kOut = Direction::kOut;

Stack Service(uint16_t id) { return Vlan{.id = id, .tpid = ethertype::kServiceVlan}; }
Stack Customer(uint16_t id) { return Vlan{.id = id}; }
Stack Priority() { return Vlan{.id = 0, .priority = 5}; }

// An opening packet to `web`, and the host's own to a `web` elsewhere.
Stack Tagged(Family family, Direction direction, const Stack& tags) {
  const wire::Ip host = HostAddress(family), peer = PeerAddress(family);
  const Stack ip = direction == kIn ? Between(peer, host) : Between(host, peer);
  return Ethernet{} / tags / ip / TcpOf(5, 443, wire::kSyn);
}

struct Tagging {
  std::string name;
  Stack tags;
  std::string in;
  std::string out;
  std::string device = "eth0";
};

std::vector<Tagging> Taggings() {
  const char* const kVlan = "drop vlan on device";
  const char* const kMalformed = "drop malformed on device";
  const Vlan top = {.id = 4095, .priority = 7};
  return {
      {"NoTag", Stack(), "pass rule web", "pass rule https-out"},
      {"PriorityTag", Priority(), "pass rule web", "pass rule https-out"},
      {"PriorityServiceTag", Service(0), "pass rule web", "pass rule https-out"},
      {"TwoPriorityTags", Priority() / Priority(), "pass rule web", "pass rule https-out"},
      {"OneTag", Customer(5), "pass rule customer-web", "drop default"},
      {"OneServiceTag", Service(5), "pass rule customer-web", "drop default"},
      {"PriorityBitsAreNoIdentifier", Vlan{.id = 5, .priority = 7}, "pass rule customer-web",
       "drop default"},
      {"PriorityTagAround", Priority() / Customer(5), "pass rule customer-web", "drop default"},
      {"PriorityTagInside", Customer(5) / Priority(), "pass rule customer-web", "drop default"},
      {"TwoTags", Service(5) / Customer(6), "pass rule stacked-web", "drop default"},
      {"TwoCustomerTags", Customer(5) / Customer(6), "pass rule stacked-web", "drop default"},
      {"TwoServiceTags", Service(5) / Service(6), "pass rule stacked-web", "drop default"},
      {"TwoTagsTheWrongWayRound", Service(6) / Customer(5), kVlan, kVlan},
      {"OuterTagThatNoneNames", Service(9) / Customer(6), kVlan, kVlan},
      {"InnerTagThatNoneNames", Service(5) / Customer(9), kVlan, kVlan},
      {"InnerTagAlone", Customer(6), kVlan, kVlan},
      {"OneTagThatNoneNames", Customer(9), kVlan, kVlan},
      {"HighestTag", top, kVlan, kVlan},
      {"ThreeTags", Service(5) / Customer(6) / Customer(7), kMalformed, kMalformed},
      {"ThreePriorityTags", Priority() / Priority() / Priority(), kMalformed, kMalformed},
      {"FourTags", Service(5) / Service(5) / Customer(6) / Customer(7), kMalformed, kMalformed},
      {"NoTagWhereAnyIsTaken", Stack(), "pass rule rest-web", "drop default", "eth1"},
      {"OneTagWhereAnyIsTaken", Customer(99), "pass rule rest-web", "drop default", "eth1"},
      {"TwoTagsWhereAnyIsTaken", Service(99) / Customer(98), "pass rule rest-web", "drop default",
       "eth1"},
      {"ThreeTagsWhereAnyIsTaken", Service(1) / Customer(2) / Customer(3), kMalformed, kMalformed,
       "eth1"},
      {"NoTagOnATrunk", Stack(), kVlan, kVlan, "eth2"},
      {"PriorityTagOnATrunk", Priority(), kVlan, kVlan, "eth2"},
      {"TagOfATrunk", Customer(7), "pass rule trunk-web", "drop default", "eth2"},
      {"TagOfATrunkAndAnother", Customer(7) / Customer(8), kVlan, kVlan, "eth2"},
      {"UnboundDevice", Customer(1) / Customer(2) / Customer(3), "pass unbound on device",
       "pass unbound on device", "eth9"},
      {"AuditedInterface", Priority(), "pass rule audited-web", "pass default audited", "eth3"},
      {"AuditDoesNotSpareWhatSelectsNoInterface", Customer(5), kVlan, kVlan, "eth3"},
      {"AuditDoesNotSpareThreeTags", Service(1) / Customer(2) / Customer(3), kMalformed, kMalformed,
       "eth3"},
  };
}

std::vector<Story> TagStories(Family family) {
  std::vector<Story> stories;
  for (const Tagging& row : Taggings()) {
    stories.push_back({row.name,
                       {{.direction = kIn,
                         .packet = Tagged(family, kIn, row.tags),
                         .expected = row.in,
                         .device = row.device},
                        {.direction = kOut,
                         .packet = Tagged(family, kOut, row.tags),
                         .expected = row.out,
                         .device = row.device}}});
  }
  return stories;
}

std::vector<Row> Frames() {
  const Stack web = Tagged(Family::kIpv4, kIn, Stack());
  const Stack tagged = Tagged(Family::kIpv4, kIn, Customer(5));
  const Stack mpls = Ethernet{.ethertype = 0x8847} / Zeros(64);
  const Stack length = Ethernet{.ethertype = 46} / Zeros(46);
  const Stack longest_length = Ethernet{.ethertype = 0x05ff} / Zeros(46);
  const Stack least_type = Ethernet{.ethertype = 0x0600} / Zeros(46);
  const Stack arp = Ethernet{.ethertype = ethertype::kArp} / Zeros(46);
  const Stack tagged_arp = Ethernet{} / Customer(5) / Vlan{.id = 0, .ethertype = 0x0806};
  const Stack old_tag = Ethernet{.ethertype = 0x9100} / Customer(5) / Zeros(46);
  std::vector<Row> rows;
  for (const Direction direction : {kIn, kOut}) {
    const auto row = [&](const char* name, const Stack& packet, const char* expected,
                         const char* device = "eth0") {
      rows.push_back({std::string(name) + (direction == kIn ? "In" : "Out"), direction, packet,
                      expected, device});
    };
    row("HeaderAlone", Cut{14} / web, "drop malformed");
    row("HeaderCut", Cut{13} / web, "drop malformed on device");
    row("TagCutBeforeItsType", Cut{16} / tagged, "drop malformed on device");
    row("TagCutInsideItsType", Cut{17} / tagged, "drop malformed on device");
    row("TagAlone", Cut{18} / tagged, "drop malformed");
    row("SecondTagCut", Cut{21} / (Ethernet{} / Service(5) / Customer(6) / Zeros(46)),
        "drop malformed on device");
    row("Arp", arp, "pass ethertype");
    row("TaggedArp", tagged_arp / Zeros(46), "pass ethertype");
    row("Mpls", mpls, "drop ethertype");
    row("MplsWhereTheDefaultPasses", mpls, "drop ethertype", "eth4");
    row("MplsWhereAuditWatches", mpls, "pass ethertype audited", "eth3");
    row("Length", length, "drop ethertype");
    row("LengthThatIsListed", length, "pass ethertype", "eth4");
    row("LongestLengthThatIsListed", longest_length, "pass ethertype", "eth4");
    row("LeastTypeIsNoLength", least_type, "drop ethertype", "eth4");
    row("ObsoleteTagIsAType", old_tag, "drop ethertype");
    row("TypeThatLiesAboutIpv4",
        Ethernet{.ethertype = ethertype::kIpv6} /
            Between(PeerAddress(Family::kIpv4), HostAddress(Family::kIpv4)) /
            TcpOf(5, 443, wire::kSyn),
        "drop malformed");
    row("TypeThatLiesAboutIpv6",
        Ethernet{.ethertype = ethertype::kIpv4} /
            Between(PeerAddress(Family::kIpv6), HostAddress(Family::kIpv6)) /
            TcpOf(5, 443, wire::kSyn),
        "drop malformed");
  }
  return rows;
}

class OddLink : public OddPackets {};

TEST_F(OddLink, TagsSelectTheInterfaceOverIpv4) { Expect(TagStories(Family::kIpv4)); }
TEST_F(OddLink, TagsSelectTheInterfaceOverIpv6) { Expect(TagStories(Family::kIpv6)); }
TEST_F(OddLink, FramesWithoutAnIpPacket) { Expect(Stories(Frames())); }

}  // namespace
}  // namespace portmatrix
