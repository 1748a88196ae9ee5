// SPDX-License-Identifier: Apache-2.0
// Names that lead nowhere, or in circles.
#include "tests/unit/policy_text.h"

namespace portmatrix {
namespace {

constexpr PolicyRow kRows[] = {
    {"UnknownSet",
     R"(
matrix: m
rules:
- {id: r, from: any, to: in_a, protocol: tcp}
---
node: n
sets: {in-a: [192.0.2.1, '2001:db8::1']}
failsafe: none
interfaces:
  a: {device: eth0, local: in-a, matrices: [m]}
)",
     R"(
p.yaml:3:26: error: node `n` knows no set `in_a` [unknown-set]
  - {id: r, from: any, to: in_a, protocol: tcp}
                           ^~~~
  hint: did you mean `in-a`?
)"},
    {"UnknownSetInSet",
     R"(
matrix: m
rules:
- {id: r, from: any, to: in-a, protocol: tcp}
---
node: n
failsafe: none
sets: {x: [in-a, nowhere], in-a: [192.0.2.1, '2001:db8::1']}
#: none
interfaces:
  a: {device: eth0, local: in-a, matrices: [m]}
)",
     R"(
p.yaml:7:18: error: node `n` knows no set `nowhere` [unknown-set]
  sets: {x: [in-a, nowhere], in-a: [192.0.2.1, '2001:db8::1']}
                   ^~~~~~~
  hint: known here: any, in-a, x
)"},
    {"SetCycle",
     R"(
node: n
sets: {a: b, b: [10.0.0.1, c], c: a}
failsafe: none
interfaces:
  x: {device: eth0, local: a, matrices: []}
)",
     R"(
p.yaml:2:35: error: set `a` contains itself [set-cycle]
  sets: {a: b, b: [10.0.0.1, c], c: a}
                                    ^
  hint: take it out of one of them
p.yaml:2:8: note: by way of `a`
  sets: {a: b, b: [10.0.0.1, c], c: a}
         ^
p.yaml:2:14: note: by way of `b`
  sets: {a: b, b: [10.0.0.1, c], c: a}
               ^
p.yaml:2:32: note: by way of `c`
  sets: {a: b, b: [10.0.0.1, c], c: a}
                                 ^
)"},
    {"NodeSetThatNamesItsSharedTwin",
     R"(
sets: {a: 10.0.0.1}
---
node: n
sets: {a: [a, 10.0.0.2]}
failsafe: none
interfaces:
  x: {device: eth0, local: a, matrices: []}
)",
     R"(
p.yaml:4:12: error: set `a` contains itself [set-cycle]
  sets: {a: [a, 10.0.0.2]}
             ^
  hint: take it out of one of them
p.yaml:4:8: note: by way of `a`
  sets: {a: [a, 10.0.0.2]}
         ^
)"},
    {"UnknownMatrix",
     R"(
matrix: external
rules: []
---
node: n
failsafe: none
interfaces:
  x: {device: eth0, local: 10.0.0.1, matrices: [exernal]}
)",
     R"(
p.yaml:7:49: error: there is no matrix `exernal` [unknown-matrix]
    x: {device: eth0, local: 10.0.0.1, matrices: [exernal]}
                                                  ^~~~~~~
  hint: did you mean `external`?
)"},
    {"UnknownRuleExpected",
     R"(
matrix: m
rules:
- {id: r, from: any, to: in-a, protocol: tcp}
---
node: n
sets: {in-a: [192.0.2.1, '2001:db8::1']}
failsafe: none
interfaces:
  a: {device: eth0, local: in-a, matrices: [m]}
expect:
- {interface: a, from: 198.51.100.1, to: 192.0.2.1, protocol: tcp, port: 1, verdict: allow, rule: a/m/s}
- {interface: a, from: 198.51.100.1, to: 192.0.2.1, protocol: tcp, port: 1, verdict: allow, rule: nonsense}
)",
     R"(
p.yaml:11:99: error: interface `a` has no rule `a/m/s` [unknown-rule]
  - {interface: a, from: 198.51.100.1, to: 192.0.2.1, protocol: tcp, port: 1, verdict: allow, rule: a/m/s}
                                                                                                    ^~~~~
  hint: did you mean `a/m/r`?
p.yaml:12:99: error: interface `a` has no rule `nonsense` [unknown-rule]
  - {interface: a, from: 198.51.100.1, to: 192.0.2.1, protocol: tcp, port: 1, verdict: allow, rule: nonsense}
                                                                                                    ^~~~~~~~
  hint: write it as interface/matrix/id
)"},
};

class ResolvedName : public testing::TestWithParam<PolicyRow> {};

TEST_P(ResolvedName, IsReportedWithPlaceAndHint) { ExpectSaid(GetParam()); }

INSTANTIATE_TEST_SUITE_P(Refused, ResolvedName, testing::ValuesIn(kRows), NameOf);

}  // namespace
}  // namespace portmatrix
