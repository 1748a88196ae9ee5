// SPDX-License-Identifier: Apache-2.0
// Lints of rules beside other rules, and of rules by themselves: what is told, to the letter, and
// what is not.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "agent/policy/lint.h"
#include "tests/unit/policy_text.h"

namespace portmatrix {
namespace {

ReadText Read(const std::string& rules, const std::string& failsafe, const std::string& more) {
  ReadText read(fmt::format(R"(matrix: m
rules:
{}---
sets: {{partners: 198.51.100.0/24, nobody: [], live: {{dynamic: true, max: 10}}}}
---
node: n
failsafe: {}
interfaces:
  a: {{device: eth0, local: [192.0.2.0/28, "2001:db8::/64"], matrices: [m]{}}}
)",
                            rules, failsafe, more));
  EXPECT_EQ(read.said(), "");
  for (const Node& node : read.nodes) LintNode(node, read.diagnostics);
  return read;
}

struct Words {
  const char* name;
  const char* rules;
  const char* failsafe;
  const char* said;
};

void PrintTo(const Words& row, std::ostream* out) { *out << row.name; }

const Words kWords[] = {
    {"RedundantBesideOneRule",
     "- {id: one, from: 198.51.100.7, to: 192.0.2.1, protocol: tcp, ports: 443}\n"
     "- {id: all, from: any, to: 192.0.2.1, protocol: tcp, ports: [80, 443]}\n",
     "none",
     R"(
p.yaml:3:8: warning: rule `a/m/one` (in) is redundant: without it rule `a/m/all` behind it decides its packets alike [redundant-rule]
  - {id: one, from: 198.51.100.7, to: 192.0.2.1, protocol: tcp, ports: 443}
         ^~~
  hint: remove it (they then count there), or write `ignore: [redundant-rule: why]`
p.yaml:4:8: note: rule `a/m/all` decides alike
  - {id: all, from: any, to: 192.0.2.1, protocol: tcp, ports: [80, 443]}
         ^~~
)"},
    {"RedundantBesideTheDefault",
     "- {id: telnet, from: any, to: 192.0.2.1, protocol: tcp, ports: 23, action: deny}\n", "none",
     R"(
p.yaml:3:8: warning: rule `a/m/telnet` (in) is redundant: without it the default decides its packets alike [redundant-rule]
  - {id: telnet, from: any, to: 192.0.2.1, protocol: tcp, ports: 23, action: deny}
         ^~~~~~
  hint: remove it (they then count there), or write `ignore: [redundant-rule: why]`
)"},
    {"OverlappingAllowBeforeDeny",
     "- {id: friends, from: partners, to: 192.0.2.1, protocol: tcp}\n"
     "- {id: telnet, from: any, to: 192.0.2.0/28, protocol: tcp, ports: 23, action: deny, log: "
     "true}\n",
     "none",
     R"(
p.yaml:3:8: warning: rule `a/m/friends` (in) allows packets that a rule behind it would deny [overlapping-action]
  - {id: friends, from: partners, to: 192.0.2.1, protocol: tcp}
         ^~~~~~~
  hint: neither is an exception to the other, so the order decides: narrow one, or write `ignore: [overlapping-action: why]`
p.yaml:4:8: note: rule `a/m/telnet` would deny tcp 198.51.100.7:49152 > 192.0.2.1:23
  - {id: telnet, from: any, to: 192.0.2.0/28, protocol: tcp, ports: 23, action: deny, log: true}
         ^~~~~~
)"},
    {"RangeTouchesService",
     "- {id: sip, from: partners, to: 192.0.2.1, protocol: tcp, ports: 5061, log: true}\n"
     "- {id: media, from: any, to: 192.0.2.0/28, protocol: [tcp, udp], ports: 5000-5999}\n",
     "[{from: 203.0.113.7, protocol: tcp, ports: 5022}]",
     R"(
p.yaml:4:8: warning: the range 5000-5999 of rule `a/m/media` (in) holds the port of 2 other rules, and opens it to others [range-touches-service]
  - {id: media, from: any, to: 192.0.2.0/28, protocol: [tcp, udp], ports: 5000-5999}
         ^~~~~
  hint: take the port out of the range, deny it before, or write `ignore: [range-touches-service: why]`
p.yaml:9:12: note: the failsafe entry does not name tcp 198.51.100.7:49152 > 192.0.2.15:5022
  failsafe: [{from: 203.0.113.7, protocol: tcp, ports: 5022}]
             ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
p.yaml:3:8: note: rule `a/m/sip` does not name tcp 198.51.99.255:49152 > 192.0.2.1:5061
  - {id: sip, from: partners, to: 192.0.2.1, protocol: tcp, ports: 5061, log: true}
         ^~~
)"},
    {"OverBroad", "- {id: all, from: any, to: any, protocol: tcp, ports: 443, direction: out}\n",
     "none",
     R"(
p.yaml:3:8: warning: rule `a/m/all` (out) allows anybody to open to anybody [over-broad]
  - {id: all, from: any, to: any, protocol: tcp, ports: 443, direction: out}
         ^~~
  hint: name who is meant on one side, or write `ignore: [over-broad: why]`
)"},
    {"Expired",
     "- {id: old, from: any, to: 192.0.2.1, protocol: tcp, expires: 2026-12-31T00:00:00Z}\n",
     "none",
     R"(
p.yaml:3:8: warning: rule `m/old` expired at 2026-12-31T00:00:00Z [expired-rule]
  - {id: old, from: any, to: 192.0.2.1, protocol: tcp, expires: 2026-12-31T00:00:00Z}
         ^~~
  hint: it is as if absent: remove it, or give it more time
)"},
    {"CoveredByFailsafe",
     "- {id: ssh, from: 203.0.113.7, to: 192.0.2.1, protocol: tcp, ports: 22, action: deny}\n",
     "[{from: 203.0.113.0/28, protocol: tcp, ports: 22}]",
     R"(
p.yaml:3:8: warning: rule `a/m/ssh` (in) decides nothing: the failsafe entry passes all its packets [failsafe-covers-rule]
  - {id: ssh, from: 203.0.113.7, to: 192.0.2.1, protocol: tcp, ports: 22, action: deny}
         ^~~
  hint: remove it, or write `ignore: [failsafe-covers-rule: why]`
p.yaml:8:12: note: the failsafe entry matches first
  failsafe: [{from: 203.0.113.0/28, protocol: tcp, ports: 22}]
             ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
)"},
    {"WithoutAnAddress", "- {id: none-yet, from: nobody, to: 192.0.2.1, protocol: tcp}\n", "none",
     R"(
p.yaml:3:8: warning: rule `a/m/none-yet` (in) never matches: its `from` has no address [never-matches]
  - {id: none-yet, from: nobody, to: 192.0.2.1, protocol: tcp}
         ^~~~~~~~
  hint: fill the set, or write `ignore: [never-matches: why]`
)"},
};

class LintWords : public testing::TestWithParam<Words> {};

TEST_P(LintWords, AreThese) {
  EXPECT_EQ(Read(GetParam().rules, GetParam().failsafe, "").said(), Unwrapped(GetParam().said));
}

INSTANTIATE_TEST_SUITE_P(Rules, LintWords, testing::ValuesIn(kWords),
                         [](const auto& row) { return row.param.name; });

struct Row {
  const char* name;
  const char* rules;
  std::vector<std::string> names;
  const char* failsafe = "none";
  const char* more = "";
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

const Row kRows[] = {
    {"ADenyBetweenTakesThePackets",
     "- {id: one, from: 198.51.100.7, to: 192.0.2.1, protocol: tcp}\n"
     "- {id: no, from: 198.51.100.0/24, to: 192.0.2.1, protocol: tcp, action: deny}\n"
     "- {id: all, from: any, to: 192.0.2.1, protocol: tcp}\n",
     {}},
    {"TwoRulesTogetherMakeOneRedundant",
     "- {id: both, from: partners, to: 192.0.2.1, protocol: tcp, ports: 1-20}\n"
     "- {id: low, from: any, to: 192.0.2.1, protocol: tcp, ports: 1-10}\n"
     "- {id: high, from: any, to: 192.0.2.1, protocol: tcp, ports: 11-30}\n",
     {"redundant-rule"}},
    {"OneThatLogsIsNotRedundant",
     "- {id: one, from: 198.51.100.7, to: 192.0.2.1, protocol: tcp, log: true}\n"
     "- {id: all, from: any, to: 192.0.2.1, protocol: tcp}\n",
     {}},
    {"OneThatOutlivesItsHeirIsNotRedundant",
     "- {id: one, from: 198.51.100.7, to: 192.0.2.1, protocol: tcp}\n"
     "- {id: all, from: any, to: 192.0.2.1, protocol: tcp, expires: 2027-03-01T00:00:00Z}\n",
     {}},
    {"OneThatEndsBeforeItsHeirIsRedundant",
     "- {id: one, from: 198.51.100.7, to: 192.0.2.1, protocol: tcp, expires: "
     "2027-02-01T00:00:00Z}\n"
     "- {id: all, from: any, to: 192.0.2.1, protocol: tcp, expires: 2027-03-01T00:00:00Z}\n",
     {"redundant-rule"}},
    {"ADenyLaterBehindAnotherThatEnds",
     "- {id: one, from: 198.51.100.7, to: 192.0.2.1, protocol: tcp}\n"
     "- {id: for-now, from: 198.51.100.7, to: 192.0.2.1, protocol: tcp, expires: "
     "2027-02-01T00:00:00Z, ignore: [shadowed-rule: kept]}\n"
     "- {id: no, from: 198.51.100.7, to: 192.0.2.1, protocol: tcp, action: deny, ignore: "
     "[shadowed-rule: kept]}\n"
     "- {id: all, from: any, to: 192.0.2.1, protocol: tcp}\n",
     {}},
    {"TheSameTwiceIsToldOnce",
     "- {id: one, from: any, to: 192.0.2.1, protocol: tcp}\n"
     "- {id: two, from: any, to: 192.0.2.1, protocol: tcp}\n",
     {"shadowed-rule"}},
    {"AnAllowUnderADefaultThatPasses",
     "- {id: one, from: any, to: 192.0.2.1, protocol: tcp}\n",
     {"redundant-rule"},
     "none",
     ", default: pass"},
    {"AnAllowWhoseAnswersADenyWouldRefuse",
     "- {id: one, from: any, to: 192.0.2.1, protocol: tcp, ports: 443}\n"
     "- {id: no, from: 192.0.2.1, to: any, protocol: tcp, action: deny}\n",
     {},
     "none",
     ", default: pass"},
    {"AnExceptionInsideAWiderRule",
     "- {id: no, from: 198.51.100.7, to: 192.0.2.1, protocol: tcp, ports: 443, action: deny}\n"
     "- {id: all, from: any, to: 192.0.2.1, protocol: tcp}\n",
     {}},
    {"PeersRefusedWholly",
     "- {id: no, from: partners, to: 192.0.2.0/28, protocol: any, action: deny}\n"
     "- {id: all, from: any, to: 192.0.2.1, protocol: tcp, ports: 443}\n",
     {}},
    {"PeersRefusedOnlyInPart",
     "- {id: no, from: partners, to: 192.0.2.0/28, protocol: tcp, ports: 400-450, action: deny}\n"
     "- {id: all, from: any, to: 192.0.2.1, protocol: tcp, ports: 443-500}\n",
     {"overlapping-action"}},
    {"WhatEarlierRulesTookDoesNotOverlap",
     "- {id: first, from: any, to: 192.0.2.1, protocol: tcp, ports: 23, log: true}\n"
     "- {id: friends, from: partners, to: 192.0.2.1, protocol: tcp}\n"
     "- {id: telnet, from: any, to: 192.0.2.0/28, protocol: tcp, ports: 23, action: deny, log: "
     "true}\n",
     {}},
    {"AServiceThatEverybodyMayReach",
     "- {id: sip, from: any, to: 192.0.2.1, protocol: tcp, ports: 5061}\n"
     "- {id: media, from: any, to: 192.0.2.0/28, protocol: tcp, ports: 5000-5999}\n",
     {"redundant-rule"}},
    {"ARangeToAnotherAddress",
     "- {id: sip, from: partners, to: 192.0.2.1, protocol: tcp, ports: 5061}\n"
     "- {id: media, from: any, to: 192.0.2.2, protocol: tcp, ports: 5000-5999}\n",
     {}},
    {"ARangeWithTheServiceRefusedBefore",
     "- {id: sip, from: partners, to: 192.0.2.1, protocol: tcp, ports: 5061}\n"
     "- {id: no, from: any, to: 192.0.2.1, protocol: tcp, ports: 5061, action: deny}\n"
     "- {id: media, from: any, to: 192.0.2.1, protocol: tcp, ports: 5000-5999}\n",
     {}},
    {"AShortRange",
     "- {id: sip, from: partners, to: 192.0.2.1, protocol: tcp, ports: 5061}\n"
     "- {id: media, from: any, to: 192.0.2.1, protocol: tcp, ports: 5060-5068}\n",
     {"redundant-rule"}},
    {"ARangeOutToAService",
     "- {id: sip, from: 192.0.2.1, to: partners, protocol: tcp, ports: 5061}\n"
     "- {id: media, from: 192.0.2.1, to: any, protocol: tcp, ports: 5000-5999}\n",
     {"redundant-rule", "range-touches-service"}},
    {"AnybodyOfOneFamily",
     "- {id: all, from: '::/0', to: any, protocol: icmpv6, direction: in}\n",
     {"over-broad"}},
    {"ADenyIsNeverTooBroad",
     "- {id: no, from: any, to: any, protocol: any, direction: in, action: deny, log: true}\n",
     {}},
    {"WhatADynamicSetHoldsIsUnknown",
     "- {id: some, from: live, to: 192.0.2.1, protocol: tcp}\n"
     "- {id: one, from: 198.51.100.7, to: 192.0.2.1, protocol: tcp, ports: 443}\n",
     {}},
    {"TheSameDynamicSetTwice",
     "- {id: some, from: live, to: 192.0.2.1, protocol: tcp}\n"
     "- {id: again, from: live, to: 192.0.2.1, protocol: tcp, ports: 443}\n",
     {"shadowed-rule"}},
    {"ADynamicSetBehindEverybody",
     "- {id: all, from: any, to: 192.0.2.1, protocol: tcp}\n"
     "- {id: some, from: live, to: 192.0.2.1, protocol: tcp, ports: 443}\n",
     {"shadowed-rule"}},
    {"ADynamicDenyBetween",
     "- {id: one, from: 198.51.100.7, to: 192.0.2.1, protocol: tcp}\n"
     "- {id: no, from: live, to: 192.0.2.0/28, protocol: any, action: deny, log: true}\n"
     "- {id: all, from: any, to: 192.0.2.1, protocol: tcp}\n",
     {}},
    {"EachIsSilencedWithAReason",
     "- {id: one, from: 198.51.100.7, to: 192.0.2.1, protocol: tcp, ports: 443, ignore: "
     "[redundant-rule: counted apart]}\n"
     "- {id: friends, from: partners, to: 192.0.2.1, protocol: tcp, ignore: [overlapping-action: "
     "wanted]}\n"
     "- {id: telnet, from: any, to: 192.0.2.0/28, protocol: tcp, ports: 23, action: deny, log: "
     "true}\n"
     "- {id: all, from: any, to: any, protocol: udp, direction: out, ignore: [over-broad: a lab]}\n"
     "- {id: old, from: any, to: 192.0.2.1, protocol: tcp, expires: 2026-12-31T00:00:00Z, ignore: "
     "[expired-rule: history]}\n"
     "- {id: ssh, from: 203.0.113.7, to: 192.0.2.1, protocol: tcp, ports: 22, ignore: "
     "[failsafe-covers-rule: documents]}\n"
     "- {id: empty, from: nobody, to: 192.0.2.1, protocol: tcp, ignore: [never-matches: to be "
     "filled]}\n"
     "- {id: dns, from: partners, to: 192.0.2.3, protocol: udp, ports: 5353}\n"
     "- {id: media, from: any, to: 192.0.2.3, protocol: udp, ports: 5000-5999, ignore: "
     "[range-touches-service: known]}\n",
     {"redundant-rule"},
     "[{from: 203.0.113.0/28, protocol: tcp, ports: 22}]"},
};

class LintRow : public testing::TestWithParam<Row> {};

TEST_P(LintRow, TellsTheseAndNoOther) {
  const ReadText read = Read(GetParam().rules, GetParam().failsafe, GetParam().more);
  std::vector<std::string> names;
  for (const Diagnostic* diagnostic : InOrder(read.diagnostics)) names.push_back(diagnostic->name);
  EXPECT_EQ(names, GetParam().names) << read.said();
}

INSTANTIATE_TEST_SUITE_P(Rules, LintRow, testing::ValuesIn(kRows),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace portmatrix
