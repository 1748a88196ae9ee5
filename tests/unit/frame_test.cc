// SPDX-License-Identifier: Apache-2.0
// The link layer of the reference decoder: tags and Ethertypes, and where a frame is malformed.
#include "agent/policy/frame.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/packet_builder.h"

namespace portmatrix {
namespace {

using wire::Bytes;
using wire::Cut;
using wire::Ethernet;
using wire::Stack;
using wire::Vlan;
using wire::Zeros;

struct Case {
  std::string name;
  Stack frame;
  std::string expected;
  std::optional<uint32_t> metadata_tag = {};
};

void PrintTo(const Case& row, std::ostream* out) { *out << row.name; }

// "0800 [10 20] +46": Ethertype, VLAN identifiers, bytes of payload.
std::string Describe(const std::optional<LinkHeader>& link) {
  if (!link) return "malformed";
  char text[64];
  snprintf(text, sizeof(text), "%04x [%d %d] +%zu", link->ethertype, link->vlan[0], link->vlan[1],
           link->payload.size());
  return text;
}

const Stack kTwoTags =
    Ethernet{} / Vlan{.id = 10, .tpid = 0x88a8} / Vlan{.id = 20, .ethertype = 0x0800} / Zeros(5);

std::vector<Case> Cases() {
  return {
      {"UntaggedFrameHasItsEthertype", Ethernet{.ethertype = 0x0800} / Zeros(46), "0800 [0 0] +46"},
      {"EmptyPayloadIsNoMistake", Ethernet{.ethertype = 0x86dd}, "86dd [0 0] +0"},
      {"ThirteenBytesAreNoHeader", Cut{13} / Ethernet{.ethertype = 0x0800}, "malformed"},
      {"NoBytesAreNoHeader", {}, "malformed"},
      {"LengthBelow0x600StandsAsZero", Ethernet{.ethertype = 0x05ff} / Zeros(3), "0000 [0 0] +3"},
      {"0x600IsTheFirstEthertype", Ethernet{.ethertype = 0x0600}, "0600 [0 0] +0"},
      {"CustomerTagIsRead", Ethernet{} / Vlan{.id = 7, .ethertype = 0x0806} / Zeros(2),
       "0806 [7 0] +2"},
      {"ServiceTagIsRead", Ethernet{} / Vlan{.id = 7, .tpid = 0x88a8, .ethertype = 0x0806},
       "0806 [7 0] +0"},
      {"PriorityBitsAreNotOfTheIdentifier",
       Ethernet{} / Vlan{.id = 4095, .priority = 7, .ethertype = 0x0800}, "0800 [4095 0] +0"},
      {"LengthBehindATagStandsAsZero", Ethernet{} / Vlan{.id = 7, .ethertype = 46} / Zeros(46),
       "0000 [7 0] +46"},
      {"TwoTagsStandOutermostFirst", kTwoTags, "0800 [10 20] +5"},
      {"PriorityTagAloneIsLeftOut", Ethernet{} / Vlan{.id = 0, .ethertype = 0x0800},
       "0800 [0 0] +0"},
      {"OuterPriorityTagIsLeftOut",
       Ethernet{} / Vlan{.id = 0} / Vlan{.id = 20, .ethertype = 0x0800}, "0800 [20 0] +0"},
      {"InnerPriorityTagIsLeftOut",
       Ethernet{} / Vlan{.id = 10} / Vlan{.id = 0, .ethertype = 0x0800}, "0800 [10 0] +0"},
      {"ThirdTagIsMalformed",
       Ethernet{} / Vlan{.id = 1} / Vlan{.id = 2} / Vlan{.id = 3, .ethertype = 0x0800},
       "malformed"},
      {"ThirdPriorityTagIsMalformed",
       Ethernet{} / Vlan{.id = 0} / Vlan{.id = 0} / Vlan{.id = 0, .ethertype = 0x0800},
       "malformed"},
      {"CutTagIsMalformed", Cut{17} / kTwoTags, "malformed"},
      {"CutSecondTagIsMalformed", Cut{21} / kTwoTags, "malformed"},
      {"TagsWithoutPayloadAreWhole", Cut{22} / kTwoTags, "0800 [10 20] +0"},
      {"OtherTagTypesAreEthertypes", Ethernet{} / Vlan{.id = 7, .tpid = 0x9100}, "9100 [0 0] +4"},
      {"TagBesideTheFrameIsTheFirst", Ethernet{} / Vlan{.id = 20, .ethertype = 0x0800},
       "0800 [10 20] +0", 0x8100'000a},
      {"TagBesideTheFrameKeepsItsPriorityOut", Ethernet{.ethertype = 0x0800}, "0800 [10 0] +0",
       0x88a8'e00a},
      {"TagBesideTheFrameCountsTowardsTheThird", kTwoTags, "malformed", 0x8100'0000},
  };
}

class DecodeLinkTest : public testing::TestWithParam<Case> {};

TEST_P(DecodeLinkTest, Reads) {
  const Case& row = GetParam();
  const Bytes frame = row.frame;
  EXPECT_EQ(Describe(DecodeLink(frame, row.metadata_tag)), row.expected);
}

INSTANTIATE_TEST_SUITE_P(Rows, DecodeLinkTest, testing::ValuesIn(Cases()),
                         [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace portmatrix
