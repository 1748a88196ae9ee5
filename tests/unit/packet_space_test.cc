// SPDX-License-Identifier: Apache-2.0
// Regions of packets: what they hold, compared with asking for every packet of a small world, and
// how few they are.
#include "agent/policy/packet_space.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <initializer_list>
#include <string>
#include <vector>

#include "agent/policy/tuple.h"
#include "maps/address.h"
#include "tests/support/node_builder.h"
#include "tests/support/small_world.h"

namespace portmatrix {
namespace {

constexpr size_t kPlenty = 1'000'000'000;

std::string Text(const Stretches<uint32_t>& values) {
  std::string text;
  for (const auto& [first, last] : values) {
    if (!text.empty()) text += ",";
    text += std::to_string(first);
    if (last != first) text += "-" + std::to_string(last);
  }
  return text == "0-65535" ? "*" : text;
}

std::string Text(const Stretches<Address>& addresses) {
  if (IsEveryAddress(addresses)) return "*";
  std::string text;
  for (const auto& [first, last] : addresses) {
    if (!text.empty()) text += ",";
    text += ToString(first);
    if (last != first) text += "-" + ToString(last);
  }
  return text;
}

std::string Text(const ProtocolSet& protocols) {
  if (protocols.all()) return "*";
  std::string text;
  for (size_t protocol = 0; protocol < protocols.size(); ++protocol) {
    if (!protocols.test(protocol)) continue;
    size_t last = protocol;
    while (last + 1 < protocols.size() && protocols.test(last + 1)) ++last;
    text += (text.empty() ? "" : ",") + std::to_string(protocol);
    if (last > protocol) text += "-" + std::to_string(last);
    protocol = last;
  }
  return text;
}

// "2: v4 6 from * to 203.0.113.11 ports *>443"
std::string Text(const LabelledRegion& labelled) {
  const PacketRegion& region = labelled.region;
  return std::to_string(labelled.label) + (region.family == Family::kIpv4 ? ": v4 " : ": v6 ") +
         Text(region.protocols) + " from " + Text(*region.from) + " to " + Text(*region.to) +
         " ports " + Text(region.source_ports) + ">" + Text(region.services);
}

std::vector<std::string> Texts(const PacketRegions& regions) {
  std::vector<std::string> texts;
  for (const LabelledRegion& region : regions.regions) texts.push_back(Text(region));
  return texts;
}

// A list whose n-th row has label n, counted from one; what none matches has label zero.
std::vector<std::string> Partition(const std::vector<MatchRow>& rows) {
  std::deque<Match> matches;
  PacketQuestion question;
  for (const MatchRow& row : rows) {
    matches.push_back(MakeMatch(row));
    question.matches.push_back({&matches.back()});
  }
  question.label = [](std::span<const size_t> first) {
    return first[0] == kNoMatch ? 0 : static_cast<uint32_t>(first[0] + 1);
  };
  WorkBudget budget(kPlenty);
  return Texts(CutPackets(question, budget));
}

using Lines = std::vector<std::string>;

TEST(PacketSpace, FirstMatchesAreCutOutOfLaterOnes) {
  struct Case {
    const char* name;
    std::vector<MatchRow> rows;
    Lines regions;
  };
  const MatchRow web = {
      .from = {"0.0.0.0/0"}, .to = {"203.0.113.11"}, .protocols = {6}, .ports = {Port(443)}};
  MatchRow web_source = web;
  web_source.source_ports = {{0, 1023}};
  MatchRow partners = web;
  partners.from = {"198.51.100.0/24"};
  const Case cases[] = {
      {"OneMatchIsOneRegion", {web}, {"1: v4 6 from * to 203.0.113.11 ports *>443"}},
      {"TheSameAgainIsNothing", {web, web}, {"1: v4 6 from * to 203.0.113.11 ports *>443"}},
      {"AHoleInTheMiddle",
       {partners, web},
       {"1: v4 6 from 198.51.100.0-198.51.100.255 to 203.0.113.11 ports *>443",
        "2: v4 6 from 0.0.0.0-198.51.99.255,198.51.101.0-255.255.255.255 to 203.0.113.11 ports "
        "*>443"}},
      {"SourcePorts",
       {web_source, web},
       {"1: v4 6 from * to 203.0.113.11 ports 0-1023>443",
        "2: v4 6 from * to 203.0.113.11 ports 1024-65535>443"}},
      {"AnyIsOneRegionOfEachFamily",
       {MatchRow{}},
       {"1: v4 * from * to * ports *>*", "1: v6 * from * to * ports *>*"}},
      {"IcmpIsNoPort",
       {{.protocols = {1, 58}, .icmp_type = 8}, {.protocols = {17}, .ports = {{2048, 2303}}}},
       {"1: v4 1 from * to * ports *>2048-2303", "1: v6 58 from * to * ports *>2048-2303",
        "2: v4 17 from * to * ports *>2048-2303", "2: v6 17 from * to * ports *>2048-2303"}},
      {"NoPacketHasIcmpOfTheOtherFamily",
       {{.from = {"10.0.0.0/8"}, .protocols = {58}},
        {.to = {"10.0.0.0/8", "::/0"}, .protocols = {1}}},
       {"2: v4 1 from * to 10.0.0.0-10.255.255.255 ports *>*"}},
      {"FamiliesThatCannotMeet", {{.from = {"10.0.0.0/8"}, .to = {"::/0"}}}, {}},
      {"NothingMatches", {}, {}},
  };
  for (const Case& each : cases) EXPECT_EQ(Partition(each.rows), each.regions) << each.name;
}

TEST(PacketSpace, PiecesOfOneLabelAreMerged) {
  // Written as one, and in pieces of ports, prefixes and protocols.
  std::deque<Match> matches;
  for (const uint8_t protocol : std::initializer_list<uint8_t>{6, 17}) {
    for (const PortRange ports : {PortRange{1, 9}, PortRange{10, 20}}) {
      for (const char* from : {"10.0.0.0/9", "10.128.0.0/9"}) {
        matches.push_back(MakeMatch({.from = {from}, .protocols = {protocol}, .ports = {ports}}));
      }
    }
  }
  PacketQuestion question;
  for (const Match& match : matches) question.matches.push_back({&match});
  question.label = [](std::span<const size_t> first) { return first[0] == kNoMatch ? 0u : 7u; };
  WorkBudget budget(kPlenty);
  EXPECT_EQ(Texts(CutPackets(question, budget)),
            Lines{"7: v4 6,17 from 10.0.0.0-10.255.255.255 to * ports *>1-20"});
}

TEST(PacketSpace, TellsWhatNoMatchTakes) {
  const Match web = MakeMatch({.from = {"0.0.0.0/0"}, .protocols = {6}, .ports = {Port(443)}});
  PacketQuestion question;
  question.matches = {{&web}};
  question.label = [](std::span<const size_t> first) { return first[0] == kNoMatch ? 1u : 0u; };
  WorkBudget budget(kPlenty);
  EXPECT_EQ(
      Texts(CutPackets(question, budget)),
      (Lines{"1: v4 0-5,7-255 from * to * ports *>*", "1: v4 6 from * to * ports *>0-442,444-65535",
             "1: v6 * from * to * ports *>*"}));
}

TEST(PacketSpace, APacketOfARegionIsAPlainOne) {
  const Match matches[] = {
      MakeMatch({.from = {"10.0.0.0/8"}, .protocols = {6, 17}, .ports = {{80, 90}}}),
      MakeMatch({.from = {"10.0.0.0/8"}, .protocols = {17, 132}, .source_ports = {{53, 60}}}),
      MakeMatch({.from = {"10.0.0.0/8"}, .protocols = {1}, .icmp_type = 3, .icmp_code = 4}),
      MakeMatch({.from = {"10.0.0.0/8"}, .protocols = {47, 50}}),
  };
  std::vector<std::string> packets;
  for (const Match& match : matches) {
    PacketQuestion question;
    question.matches = {{&match}};
    question.label = [](std::span<const size_t> first) { return first[0] == kNoMatch ? 0u : 1u; };
    WorkBudget budget(kPlenty);
    const PacketRegions regions = CutPackets(question, budget);
    ASSERT_EQ(regions.regions.size(), 1u);
    const pm_tuple packet = PacketIn(regions.regions[0].region);
    EXPECT_TRUE(match.Matches(packet));
    packets.push_back(std::to_string(packet.protocol) + " " + ToString(TupleSource(packet)) + " " +
                      std::to_string(packet.source_port) + ">" +
                      std::to_string(packet.destination_port));
  }
  EXPECT_EQ(packets, (Lines{"6 10.0.0.0 49152>80", "17 10.0.0.0 53>0", "1 10.0.0.0 0>772",
                            "47 10.0.0.0 0>0"}));
}

TEST(PacketSpace, SaysWhatTheBudgetDidNotSufficeFor) {
  const Match match = MakeMatch({.protocols = {6}, .ports = {Port(443)}});
  PacketQuestion question;
  question.matches = {{&match}};
  question.sparse = true;
  question.label = [](std::span<const size_t>) { return 1u; };
  WorkBudget little(10);
  const PacketRegions some = CutPackets(question, little);
  ASSERT_FALSE(some.complete());
  EXPECT_EQ(Text(some.unknown[0].protocols), "6");
  WorkBudget budget(kPlenty);
  EXPECT_TRUE(CutPackets(question, budget).complete());
}

// Two lists over every packet of the small world.
class TwoLists {
 public:
  explicit TwoLists(uint32_t seed) : world_(seed) {
    for (uint32_t list = 0; list < 2; ++list) {
      for (uint32_t count = world_.Below(7); count > 0; --count) {
        // What both lists have is often the same.
        const bool again = list == 1 && first_ > 0 && world_.Below(2) == 0;
        matches_.push_back(again ? matches_[world_.Below(static_cast<uint32_t>(first_))]
                                 : world_.RandomMatch());
      }
      if (list == 0) first_ = matches_.size();
    }
    for (size_t i = 0; i < matches_.size(); ++i) {
      question_.matches.push_back({&matches_[i], i < first_ ? 0u : 1u});
    }
    question_.lists = 2;
    question_.label = [this](std::span<const size_t> first) { return LabelOf(first[0], first[1]); };
  }

  PacketQuestion& question() { return question_; }
  size_t size() const { return matches_.size(); }

  uint32_t LabelOf(size_t first, size_t second) const {
    return static_cast<uint32_t>((first + 1) * 100 + second + 1) % 5;
  }

  uint32_t Asked(const pm_tuple& tuple) const {
    size_t first[2] = {kNoMatch, kNoMatch};
    for (size_t i = 0; i < matches_.size(); ++i) {
      size_t& of_list = first[i < first_ ? 0 : 1];
      if (of_list == kNoMatch && matches_[i].Matches(tuple)) of_list = i;
    }
    return question_.label(first);
  }

 private:
  SmallWorld world_;
  std::deque<Match> matches_;
  size_t first_ = 0;
  PacketQuestion question_;
};

// The label of a packet by the regions that hold it, of which there is one at most.
uint32_t Found(const PacketRegions& regions, const pm_tuple& tuple) {
  uint32_t label = 0;
  for (const LabelledRegion& each : regions.regions) {
    if (!each.region.Contains(tuple)) continue;
    EXPECT_EQ(label, 0u) << "a packet in two regions: " << Text(each);
    label = each.label;
  }
  return label;
}

TEST(PacketSpace, AgreesWithEveryPacketOfASmallWorld) {
  size_t regions_seen = 0;
  for (uint32_t seed = 0; seed < 1500; ++seed) {
    TwoLists lists(seed);
    WorkBudget budget(kPlenty);
    const PacketRegions regions = CutPackets(lists.question(), budget);
    ASSERT_TRUE(regions.complete());
    regions_seen += regions.regions.size();
    for (const pm_tuple& tuple : SmallWorldPackets()) {
      ASSERT_EQ(Found(regions, tuple), lists.Asked(tuple)) << "seed " << seed;
    }
    for (const LabelledRegion& each : regions.regions) {
      const pm_tuple packet = PacketIn(each.region);
      EXPECT_TRUE(each.region.Contains(packet)) << Text(each);
      EXPECT_EQ(lists.Asked(packet), each.label) << "seed " << seed << ": " << Text(each);
    }
  }
  EXPECT_GT(regions_seen, 1000u);
}

TEST(PacketSpace, SparseQuestionsHaveTheSameAnswers) {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    TwoLists lists(seed);
    PacketQuestion& question = lists.question();
    if (lists.size() == 0) continue;
    const size_t mattering = seed % lists.size();
    question.label = [mattering](std::span<const size_t> first) {
      return first[0] == mattering ? 1u : first[1] == mattering ? 2u : 0u;
    };
    WorkBudget budget(kPlenty);
    const std::vector<std::string> all = Texts(CutPackets(question, budget));
    question.sparse = true;
    for (size_t i = 0; i < lists.size(); ++i) question.matches[i].matters = i == mattering;
    EXPECT_EQ(Texts(CutPackets(question, budget)), all) << "seed " << seed;
  }
}

TEST(PacketSpace, KindsSpareWorkAndNothingElse) {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    TwoLists lists(seed);
    PacketQuestion& question = lists.question();
    for (size_t i = 0; i < lists.size(); ++i) {
      question.matches[i].kind = static_cast<uint32_t>(i % 2);
    }
    // Told is what meets one of each kind first.
    question.label = [](std::span<const size_t> first) {
      if (first[0] == kNoMatch || first[1] == kNoMatch || first[0] % 2 == first[1] % 2) return 0u;
      return static_cast<uint32_t>(first[0] + 1);
    };
    WorkBudget budget(kPlenty);
    const std::vector<std::string> all = Texts(CutPackets(question, budget));
    question.kinds = true;
    EXPECT_EQ(Texts(CutPackets(question, budget)), all) << "seed " << seed;
  }
}

}  // namespace
}  // namespace portmatrix
