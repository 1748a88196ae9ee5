// SPDX-License-Identifier: Apache-2.0
// Before a packet's addresses matter: which interface a device and its tags select, Ethertypes, and
// where what is malformed counts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/policy/evaluator.h"
#include "agent/policy/protocol.h"
#include "tests/support/judgement_text.h"
#include "tests/support/node_builder.h"
#include "tests/support/packet_builder.h"
#include "tests/support/story.h"

namespace portmatrix {
namespace {

using wire::Bytes;
using wire::Cut;
using wire::Ethernet;
using wire::Ipv4;
using wire::Stack;
using wire::Tcp;
using wire::Vlan;
using wire::Zeros;

constexpr Direction kIn = Direction::kIn;
constexpr Direction kOut = Direction::kOut;

// An interface whose one rule of each direction, named like itself, allows everything.
Interface Open(const std::string& name, const std::string& device, VlanSelector vlan) {
  Interface interface =
      MakeInterface(name, device, {"203.0.113.0/28"},
                    {{.id = name, .direction = kIn}, {.id = name, .direction = kOut}});
  interface.vlan = vlan;
  return interface;
}

VlanSelector Tags(uint16_t outer, uint16_t inner = 0) {
  return {.kind = VlanSelector::Kind::kTags, .outer = outer, .inner = inner};
}

constexpr VlanSelector kUntagged = {};
constexpr VlanSelector kAnything = {.kind = VlanSelector::Kind::kAny};

Node TrunkNode() {
  Node node;
  node.interfaces = {
      Open("plain", "eth0", kUntagged),         Open("ten", "eth0", Tags(10)),
      Open("ten-twenty", "eth0", Tags(10, 20)), Open("rest", "eth1", kAnything),
      Open("seven", "eth1", Tags(7)),           Open("eight", "eth2", Tags(8)),
      Open("bond", "eth3", kUntagged),
  };
  node.interfaces.back().devices.emplace_back("eth4");
  return node;
}

Stack Tagged(std::initializer_list<uint16_t> tags) {
  Stack frame = Ethernet{};
  for (const uint16_t tag : tags) frame.Add(Vlan{.id = tag});
  return frame / Ipv4{.source = "198.51.100.7", .destination = "203.0.113.1"} / Tcp{};
}

Story One(const std::string& name, const std::string& device, const Stack& frame,
          const std::string& expected) {
  return {name,
          {{.direction = kIn, .packet = frame, .expected = expected, .device = device},
           {.direction = kOut, .packet = frame, .expected = expected, .device = device}}};
}

std::vector<Story> Selections() {
  return {
      One("UntaggedSelectsNone", "eth0", Tagged({}), "pass rule plain"),
      One("PriorityTagSelectsNone", "eth0", Tagged({0}), "pass rule plain"),
      One("TwoPriorityTagsSelectNone", "eth0", Tagged({0, 0}), "pass rule plain"),
      One("TagSelectsItsInterface", "eth0", Tagged({10}), "pass rule ten"),
      One("OuterPriorityTagIsAsIfAbsent", "eth0", Tagged({0, 10}), "pass rule ten"),
      One("InnerPriorityTagIsAsIfAbsent", "eth0", Tagged({10, 0}), "pass rule ten"),
      One("TwoTagsSelectTheirInterface", "eth0", Tagged({10, 20}), "pass rule ten-twenty"),
      One("OrderOfTagsMatters", "eth0", Tagged({20, 10}), "drop vlan on device"),
      One("OtherTagSelectsNothing", "eth0", Tagged({11}), "drop vlan on device"),
      One("OtherInnerTagSelectsNothing", "eth0", Tagged({10, 21}), "drop vlan on device"),
      One("OuterTagAloneDoesNotSelectTwo", "eth0", Tagged({20}), "drop vlan on device"),
      One("AnyTakesUntagged", "eth1", Tagged({}), "pass rule rest"),
      One("AnyTakesTagsThatNothingElseNames", "eth1", Tagged({7, 8}), "pass rule rest"),
      One("AnyTakesTheReservedTag", "eth1", Tagged({4095}), "pass rule rest"),
      One("NamedTagComesBeforeAny", "eth1", Tagged({7}), "pass rule seven"),
      One("UntaggedSelectsNoTaggedInterface", "eth2", Tagged({}), "drop vlan on device"),
      One("PriorityTagSelectsNoTaggedInterface", "eth2", Tagged({0}), "drop vlan on device"),
      One("TagsOfOneDeviceAreNotAnothers", "eth2", Tagged({10}), "drop vlan on device"),
      One("FirstBondMember", "eth3", Tagged({}), "pass rule bond"),
      One("SecondBondMember", "eth4", Tagged({}), "pass rule bond"),
      One("UnboundDevicePasses", "eth9", Tagged({}), "pass unbound on device"),
      One("UnboundComesBeforeMalformed", "eth9", Cut{13} / Tagged({}), "pass unbound on device"),
      One("ThirdTagCountsUnderTheDevice", "eth1", Tagged({1, 2, 3}), "drop malformed on device"),
      One("CutTagCountsUnderTheDevice", "eth1", Cut{17} / Tagged({1}), "drop malformed on device"),
      One("ShortFrameCountsUnderTheDevice", "eth0", Cut{13} / Tagged({}),
          "drop malformed on device"),
      One("MalformedPacketCountsUnderTheInterface", "eth0", Cut{33} / Tagged({}), "drop malformed"),
      One("VlanComesBeforeMalformedPackets", "eth0", Cut{38} / Tagged({11}), "drop vlan on device"),
  };
}

class SelectionTest : public testing::TestWithParam<Story> {};

TEST_P(SelectionTest, IsJudged) {
  const Node node = TrunkNode();
  Evaluator evaluator(node);
  EXPECT_THAT(Tell(evaluator, GetParam().steps), testing::IsEmpty());
}

const auto kName = [](const auto& instance) { return instance.param.name; };
INSTANTIATE_TEST_SUITE_P(Rows, SelectionTest, testing::ValuesIn(Selections()), kName);

Stack OfType(uint16_t type) { return Ethernet{.ethertype = type} / Zeros(46); }

std::vector<Story> Ethertypes() {
  return {
      One("ListedPasses", "eth0", OfType(0x0806), "pass ethertype"),
      One("OtherDrops", "eth0", OfType(0x0842), "drop ethertype"),
      One("LengthIsTypeZero", "eth0", OfType(46), "pass ethertype"),
      One("LargestLengthIsTypeZero", "eth0", OfType(0x05ff), "pass ethertype"),
      One("SmallestTypeIsNoLength", "eth0", OfType(0x0600), "drop ethertype"),
      One("TaggedListedPasses", "eth0", Ethernet{} / Vlan{.id = 10, .ethertype = 0x0806},
          "pass ethertype"),
      One("TaggedOtherDrops", "eth0", Ethernet{} / Vlan{.id = 10, .ethertype = 0x0842},
          "drop ethertype"),
      One("MplsIsNotIp", "eth0", OfType(0x8847), "drop ethertype"),
      One("LengthWhereItIsNotListed", "eth1", OfType(46), "drop ethertype"),
  };
}

class EthertypeTest : public testing::TestWithParam<Story> {};

TEST_P(EthertypeTest, IsJudged) {
  Node node = TrunkNode();
  node.interfaces[0].ethertypes.push_back(0);
  Evaluator evaluator(node);
  EXPECT_THAT(Tell(evaluator, GetParam().steps), testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Rows, EthertypeTest, testing::ValuesIn(Ethertypes()), kName);

TEST(Selection, DefaultPassLetsNoEthertypeAndNoTagThrough) {
  Node node = TrunkNode();
  for (Interface& interface : node.interfaces) interface.default_verdict = Verdict::kPass;
  Evaluator evaluator(node);
  EXPECT_THAT(Tell(evaluator, {{.packet = OfType(0x0842), .expected = "drop ethertype"},
                               {.packet = Tagged({11}), .expected = "drop vlan on device"},
                               {.packet = Cut{33} / Tagged({}), .expected = "drop malformed"}}),
              testing::IsEmpty());
}

TEST(Selection, AuditAppliesOnlyWhereAnInterfaceWasSelected) {
  Node node = TrunkNode();
  for (Interface& interface : node.interfaces) interface.mode = Mode::kAudit;
  Evaluator evaluator(node);
  EXPECT_THAT(
      Tell(evaluator,
           {{.packet = OfType(0x0842), .expected = "pass ethertype audited"},
            {.packet = Cut{33} / Tagged({}), .expected = "pass malformed audited"},
            {.packet = Tagged({11}), .expected = "drop vlan on device"},
            {.packet = Tagged({1, 2, 3}), .expected = "drop malformed on device"},
            {.packet = Cut{13} / Tagged({}), .expected = "drop malformed on device"},
            {.packet = Tagged({}), .expected = "pass unbound on device", .device = "eth9"}}),
      testing::IsEmpty());
}

TEST(Selection, TagBesideTheFrameIsReadOnSendOnly) {
  const Node node = TrunkNode();
  Evaluator evaluator(node);
  const Bytes frame = Tagged({20});
  const auto judge = [&](Direction direction) {
    return Describe(evaluator.Judge(
        {.device = "eth0", .direction = direction, .data = frame, .metadata_tag = 0x8100'000a}));
  };
  EXPECT_EQ(judge(kOut), "pass rule ten-twenty");
  EXPECT_EQ(judge(kIn), "drop vlan on device");
}

TEST(Selection, SegmentedLengthsComeFromTheBufferOnSendOnly) {
  const Node node = TrunkNode();
  Evaluator evaluator(node);
  const Bytes frame =
      Ethernet{} / Ipv4{.source = "203.0.113.1", .destination = "198.51.100.7", .total_length = 0} /
      Tcp{} / Zeros(3000);
  const auto judge = [&](Direction direction, bool segmented) {
    return Describe(evaluator.Judge(
        {.device = "eth0", .direction = direction, .data = frame, .segmented = segmented}));
  };
  EXPECT_EQ(judge(kOut, true), "pass rule plain");
  EXPECT_EQ(judge(kOut, false), "drop malformed");
  EXPECT_EQ(judge(kIn, true), "drop malformed");
}

TEST(Selection, JudgementNamesTheInterface) {
  const Node node = TrunkNode();
  Evaluator evaluator(node);
  const Bytes frame = Tagged({10});
  const Judgement judgement = evaluator.Judge({.device = "eth0", .direction = kIn, .data = frame});
  EXPECT_EQ(judgement.interface, 1u);
  EXPECT_EQ(judgement.rule, node.interfaces[1].rules.data());
}

}  // namespace
}  // namespace portmatrix
