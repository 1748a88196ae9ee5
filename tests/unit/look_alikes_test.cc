// SPDX-License-Identifier: Apache-2.0
// Names that are easily mistaken for each other, and names that are not.
#include "agent/policy/look_alikes.h"

#include <gmock/gmock.h>

#include "tests/unit/policy_text.h"

namespace portmatrix {
namespace {

std::string Said(const std::string& policy) {
  ReadText read(policy);
  EXPECT_EQ(read.said(), "");
  FindLookAlikes(read.policy, read.diagnostics);
  return read.said();
}

struct Row {
  const char* name;
  const char* first;
  const char* second;
  bool sets = false;   // do they look alike as names of sets?
  bool rules = false;  // as ids of rules?
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

constexpr Row kRows[] = {
    {"Dashes", "front-end", "front_end", true, true},
    {"ZeroForO", "dmz0ne", "dmzone", true, true},
    {"OneForL", "lab1", "labl", true, true},
    {"RnForM", "modern", "modem", true, true},
    {"SwappedLetters", "partners", "partnesr", true, true},
    {"APlural", "partner", "partners", true, false},
    {"AMissingDash", "frontend", "front-end", true, false},
    {"HttpAndHttps", "http-in", "https-in", true, false},
    {"Numbers", "edge1", "edge2"},
    {"NumbersOfTwoDigits", "edge12", "edge21"},
    {"ANumberMore", "ping-in", "ping6-in"},
    {"AnotherLetter", "mail-in", "main-in"},
    {"ShortNames", "dns", "dn"},
    {"ShortNamesSwapped", "ab", "ba"},
    {"OtherWords", "external", "internal"},
};

class LookAlikeNames : public testing::TestWithParam<Row> {};

TEST_P(LookAlikeNames, OfSets) {
  const std::string first = GetParam().first, second = GetParam().second;
  const std::string said = Said("sets: {" + first + ": 10.0.0.1, " + second + ": 10.0.0.2}\n");
  EXPECT_EQ(!said.empty(), GetParam().sets) << said;
}

TEST_P(LookAlikeNames, OfRules) {
  std::string policy = "matrix: m\nrules:\n";
  for (const char* id : {GetParam().first, GetParam().second})
    policy += std::string("- {id: ") + id + ", from: any, to: any, protocol: any, direction: in}\n";
  const std::string said = Said(policy);
  EXPECT_EQ(!said.empty(), GetParam().rules) << said;
}

INSTANTIATE_TEST_SUITE_P(Names, LookAlikeNames, testing::ValuesIn(kRows),
                         [](const auto& row) { return row.param.name; });

TEST(LookAlikes, AreToldWithBothPlaces) {
  EXPECT_EQ(Said(Unwrapped(R"(
sets:
  partners: 198.51.100.0/24
---
node: n
sets:
  partner: 203.0.113.7
failsafe: none
interfaces: {a: {device: eth0, local: 192.0.2.1, matrices: []}}
)")),
            Unwrapped(R"(
p.yaml:6:3: warning: set `partner` is one letter away from `partners` [look-alike-names]
    partner: 203.0.113.7
    ^~~~~~~
  hint: rename one, so that nobody takes one for the other
p.yaml:2:3: note: the other one
    partners: 198.51.100.0/24
    ^~~~~~~~
)"));
}

TEST(LookAlikes, AreSilencedByARuleWithAReason) {
  EXPECT_EQ(Said(Unwrapped(R"(
matrix: m
rules:
- {id: sip-t1s, from: any, to: any, protocol: tcp, direction: in}
- {id: sip-tls, from: any, to: any, protocol: tcp, direction: in, ignore: [look-alike-names: as in the plan]}
)")),
            "");
}

TEST(LookAlikes, AreNoneAmongTwoMatricesOrTwoNodes) {
  EXPECT_EQ(Said(Unwrapped(R"(
matrix: one
rules: [{id: media-in, from: any, to: any, protocol: tcp, direction: in}]
---
matrix: two
rules: [{id: media_in, from: any, to: any, protocol: tcp, direction: in}]
---
node: left
sets: {servers: 10.0.0.1}
failsafe: none
interfaces: {a: {device: eth0, local: 192.0.2.1, matrices: [one]}}
---
node: right
sets: {server: 10.0.0.1}
failsafe: none
interfaces: {a: {device: eth0, local: 192.0.2.2, matrices: [two]}}
)")),
            "");
}

}  // namespace
}  // namespace portmatrix
