// SPDX-License-Identifier: Apache-2.0
// A policy in other words: the page, the values for a spreadsheet, the ruleset for nftables.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "tests/unit/policy_text.h"
#include "tools/export/nft_match.h"
#include "tools/export/nft_text.h"
#include "tools/export/policy_tables.h"
#include "tools/import/import.h"

namespace portmatrix {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kPolicy = R"(
matrix: m
rules:
- {id: web, from: any, to: own, protocol: tcp, ports: [443, 8000-8080], description: "a|b, \"c\""}
- {id: no-mail, from: own, to: peers, protocol: tcp, ports: 25, action: deny, log: true}
- {id: ping, from: peers, to: own, protocol: icmp, icmp_type: 8}
- {id: old, from: any, to: own, protocol: udp, source_ports: 53, enabled: false}
---
sets:
  peers: [198.51.100.0/24, 2001:db8:f0::/48]
---
node: n
sets: {own: [192.0.2.1, 2001:db8::1], live: {dynamic: true}}
failsafe: [{from: 198.51.100.8/29, protocol: tcp, ports: 22}]
interfaces: {outside: {device: eth0, local: own, matrices: [m]}}
)";

TEST(Export, OfMarkdownIsAPage) {
  const ReadText read(Unwrapped(kPolicy));
  ASSERT_EQ(read.nodes.size(), 1u) << read.said();
  EXPECT_EQ(MarkdownText(read.nodes[0], read.policy), R"(# Port matrix of node `n`

First match wins, in each direction of each interface. Answers need no rule.

## Failsafe

Judged before all rules of every interface.

| From | To | Protocol | Ports |
|---|---|---|---|
| 198.51.100.8/29 | any | tcp | 22 |

## Interface `outside`

Device eth0, VLAN none, mode enforce, default drop. It protects 192.0.2.1, 2001:db8::1.

### In

| Order | Rule | From | To | Protocol | Ports | Action | State | Description |
|---|---|---|---|---|---|---|---|---|
| 1 | outside/m/web | any | own | tcp | 443, 8000-8080 | allow | active | a\|b, "c" |
| 2 | outside/m/ping | peers | own | icmp | type 8 | allow | active | |
| - | outside/m/old | any | own | udp | 53 to any | allow | disabled | |

### Out

| Order | Rule | From | To | Protocol | Ports | Action | State | Description |
|---|---|---|---|---|---|---|---|---|
| 1 | outside/m/no-mail | own | peers | tcp | 25 | deny | active, logged | |

## Sets

| Set | Addresses |
|---|---|
| own | 192.0.2.1, 2001:db8::1 |
| peers | 198.51.100.0/24, 2001:db8:f0::/48 |
)");
}

TEST(Export, OfCsvHasARecordForEachRule) {
  const ReadText read(Unwrapped(kPolicy));
  EXPECT_EQ(CsvText(read.nodes[0]),
            "interface,direction,order,rule,from,to,protocol,ports,source_ports,icmp_type,"
            "icmp_code,action,state,description\r\n"
            "(all),in,0,failsafe,198.51.100.8/29,any,tcp,22,,,,allow,active,\r\n"
            "outside,in,1,outside/m/web,any,own,tcp,\"443, 8000-8080\",,,,allow,active,"
            "\"a|b, \"\"c\"\"\"\r\n"
            "outside,out,1,outside/m/no-mail,own,peers,tcp,25,,,,deny,active,\r\n"
            "outside,in,2,outside/m/ping,peers,own,icmp,,,8,,allow,active,\r\n"
            "outside,in,,outside/m/old,any,own,udp,any,53,,,allow,disabled,\r\n");
}

TEST(Export, OfCsvIsReadByTheImport) {
  const ReadText read(Unwrapped(kPolicy));
  const Import import =
      ImportTables(CsvText(read.nodes[0]), {.name = "n", .csv = true, .narrow = false});
  ASSERT_EQ(import.matrices.size(), 1u);
  const std::vector<ImportedRow>& rows = import.matrices[0].rows;
  ASSERT_EQ(rows.size(), 5u);
  EXPECT_EQ(rows[1].from.terms, std::vector<std::string>{"any"});
  EXPECT_EQ(rows[1].to.terms, std::vector<std::string>{"own"});
  EXPECT_EQ(rows[1].direction, "in");
  ASSERT_EQ(rows[1].rules.size(), 1u);
  EXPECT_EQ(rows[1].rules[0].service.ports,
            (std::vector<PortRange>{{.first = 443, .last = 443}, {.first = 8000, .last = 8080}}));
  EXPECT_TRUE(rows[2].deny);
  EXPECT_EQ(rows[3].rules[0].service.icmp_type, 8);
  // What the import has no word for is not taken for a rule that is in force.
  EXPECT_THAT(rows[4].problem, HasSubstr("disabled"));
}

struct MatchCase {
  const char* name;
  const char* rule;  // of a matrix whose `own` is 192.0.2.1 and 2001:db8::1
  std::vector<std::string> matches;
  std::vector<std::string> answers;

  friend void PrintTo(const MatchCase& row, std::ostream* out) { *out << row.name; }
};

const MatchCase kMatches[] = {
    {"OneLineForEachFamily",
     "from: any, to: own, protocol: tcp, ports: 443",
     {"ip daddr 192.0.2.1 meta l4proto 6 th dport 443",
      "ip6 daddr 2001:db8::1 meta l4proto 6 th dport 443"},
     {"ip saddr 192.0.2.1 meta l4proto 6 th sport 443",
      "ip6 saddr 2001:db8::1 meta l4proto 6 th sport 443"}},
    {"AnyToAnyIsOneLine",
     "from: any, to: any, direction: in, protocol: [tcp, udp], ports: [53, 1000-2000]",
     {"meta l4proto { 6, 17 } th dport { 53, 1000-2000 }"},
     {"meta l4proto { 6, 17 } th sport { 53, 1000-2000 }"}},
    {"EverythingHasNoCondition", "from: any, to: any, direction: in, protocol: any", {""}, {""}},
    {"FamilyThatCannotMeetIsLeftOut",
     "from: 198.51.100.0/24, to: own, protocol: 50",
     {"ip saddr 198.51.100.0/24 ip daddr 192.0.2.1 meta l4proto 50"},
     {"ip saddr 192.0.2.1 ip daddr 198.51.100.0/24 meta l4proto 50"}},
    {"IcmpOfOneFamily",
     "from: any, to: own, protocol: icmp, icmp_type: 8",
     {"ip daddr 192.0.2.1 meta l4proto 1 icmp type 8"},
     {"ip saddr 192.0.2.1 meta l4proto 1 icmp type 0 icmp code 0"}},
    {"ErrorsHaveNoAnswers",
     "from: any, to: own, protocol: icmpv6, icmp_type: 1, icmp_code: 4",
     {"ip6 daddr 2001:db8::1 meta l4proto 58 icmpv6 type 1 icmpv6 code 4"},
     {}},
    {"SourcePortsAreTheOtherSides",
     "from: any, to: 192.0.2.1, protocol: udp, ports: 68, source_ports: 67",
     {"ip daddr 192.0.2.1 meta l4proto 17 th sport 67 th dport 68"},
     {"ip saddr 192.0.2.1 meta l4proto 17 th sport 68 th dport 67"}},
    {"HeadersThatAreReadOnFromAreNoProtocol",
     "from: any, to: own, protocol: [51, 60]",
     {"ip daddr 192.0.2.1 meta l4proto 60"},
     {"ip saddr 192.0.2.1 meta l4proto 60"}},
    {"DynamicSetsAreSetsOfNft",
     "from: [live, 198.51.100.0/24], to: 192.0.2.1, protocol: 50",
     {"ip saddr 198.51.100.0/24 ip daddr 192.0.2.1 meta l4proto 50",
      "ip saddr @live_live_4 ip daddr 192.0.2.1 meta l4proto 50"},
     {"ip saddr 192.0.2.1 ip daddr 198.51.100.0/24 meta l4proto 50",
      "ip saddr 192.0.2.1 ip daddr @live_live_4 meta l4proto 50"}},
};

class NftConditions : public testing::TestWithParam<MatchCase> {};

TEST_P(NftConditions, SayWhatARuleMatches) {
  const ReadText read(std::string("matrix: m\nrules:\n- {id: r, ") + GetParam().rule +
                      "}\n---\nnode: n\nsets: {own: [192.0.2.1, 2001:db8::1], live: {dynamic: true}}\nfailsafe: none\n"
                      "interfaces: {i: {device: e, local: own, matrices: [m]}}\n");
  ASSERT_EQ(read.nodes.size(), 1u) << read.said();
  const Match& match = read.nodes[0].interfaces[0].rules.at(0).match;
  const std::vector<LiveSet>& live_sets = read.nodes[0].live_sets;
  EXPECT_EQ(NftMatches(match, live_sets), GetParam().matches);
  EXPECT_EQ(NftAnswers(match, live_sets), GetParam().answers);
}

INSTANTIATE_TEST_SUITE_P(Table, NftConditions, testing::ValuesIn(kMatches),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(Export, OfNftNamesGapsAndKeepsDenyFromEndingAnswers) {
  const ReadText read(Unwrapped(kPolicy));
  const std::string text = NftText(read.nodes[0]);
  EXPECT_THAT(text, HasSubstr("# - conversations: answers to what `out` rules opened"));
  EXPECT_THAT(text, HasSubstr("    # disabled: outside/m/old\n"));
  EXPECT_THAT(text, Not(HasSubstr("th sport 53")));
  const std::string deny =
      "ip saddr 192.0.2.1 ip daddr 198.51.100.0/24 meta l4proto 6 th dport 25 ";
  EXPECT_THAT(text, HasSubstr("    " + deny + "jump answers_outside\n    " + deny +
                              "counter drop comment \"outside/m/no-mail\"\n"));
}

TEST(Export, OfNftLetsAuditPass) {
  std::string policy = Unwrapped(kPolicy);
  policy.replace(policy.find("device: eth0"), 0, "mode: audit, ");
  const ReadText read(policy);
  ASSERT_EQ(read.nodes.size(), 1u) << read.said();
  const std::string text = NftText(read.nodes[0]);
  EXPECT_THAT(text, HasSubstr("    counter accept comment \"default\"\n"));
  EXPECT_THAT(text, Not(HasSubstr("drop comment \"default\"")));
  EXPECT_THAT(text, HasSubstr("counter drop comment \"vlan\""));  // audit never applies there
}

}  // namespace
}  // namespace portmatrix
