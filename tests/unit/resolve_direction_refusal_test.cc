// SPDX-License-Identifier: Apache-2.0
// Rules whose direction stays open or contradicts their addresses, and families that never meet.
#include "tests/unit/policy_text.h"

namespace portmatrix {
namespace {

constexpr PolicyRow kRows[] = {
    {"AnyToAnyNeedsADirection",
     R"(
matrix: m
rules:
- {id: r, from: any, to: any, protocol: tcp}
---
node: n
sets: {in-a: [192.0.2.1, '2001:db8::1']}
failsafe: none
interfaces:
  a: {device: eth0, local: in-a, matrices: [m]}
)",
     R"(
p.yaml:3:8: error: rule `r` has no direction: neither `from` nor `to` lies wholly in the local addresses of interface `a` [direction-open]
  - {id: r, from: any, to: any, protocol: tcp}
         ^
  hint: write `direction: in`, `out` or `both`
)"},
    {"OwnToOwnNeedsADirection",
     R"(
matrix: m
rules:
- {id: r, from: in-a, to: in-a, protocol: tcp}
---
node: n
sets: {in-a: [192.0.2.1, '2001:db8::1']}
failsafe: none
interfaces:
  a: {device: eth0, local: in-a, matrices: [m]}
)",
     R"(
p.yaml:3:8: error: rule `r` has no direction: both `from` and `to` are local to interface `a` [direction-open]
  - {id: r, from: in-a, to: in-a, protocol: tcp}
         ^
  hint: write `direction: in`, `out` or `both`
)"},
    {"RemoteToRemoteNeedsADirection",
     R"(
matrix: m
rules:
- {id: r, from: 198.51.100.1, to: 198.51.100.2, protocol: tcp}
---
node: n
sets: {in-a: [192.0.2.1, '2001:db8::1']}
failsafe: none
interfaces:
  a: {device: eth0, local: in-a, matrices: [m]}
)",
     R"(
p.yaml:3:8: error: rule `r` has no direction: neither `from` nor `to` lies wholly in the local addresses of interface `a` [direction-open]
  - {id: r, from: 198.51.100.1, to: 198.51.100.2, protocol: tcp}
         ^
  hint: write `direction: in`, `out` or `both`
)"},
    {"WrittenOutContradictsIn",
     R"(
matrix: m
rules:
- {id: r, from: any, to: in-a, protocol: tcp, direction: out}
---
node: n
sets: {in-a: [192.0.2.1, '2001:db8::1']}
failsafe: none
interfaces:
  a: {device: eth0, local: in-a, matrices: [m]}
)",
     R"(
p.yaml:3:58: error: rule `r` is `in` on interface `a`: all of `to` is local there [direction-contradiction]
  - {id: r, from: any, to: in-a, protocol: tcp, direction: out}
                                                           ^~~
  hint: remove `direction`, or exchange `from` and `to`
)"},
    {"WrittenInContradictsOut",
     R"(
matrix: m
rules:
- {id: r, from: in-a, to: any, protocol: tcp, direction: in}
---
node: n
sets: {in-a: [192.0.2.1, '2001:db8::1']}
failsafe: none
interfaces:
  a: {device: eth0, local: in-a, matrices: [m]}
)",
     R"(
p.yaml:3:58: error: rule `r` is `out` on interface `a`: all of `from` is local there [direction-contradiction]
  - {id: r, from: in-a, to: any, protocol: tcp, direction: in}
                                                           ^~
  hint: remove `direction`, or exchange `from` and `to`
)"},
    {"BothContradictsIn",
     R"(
matrix: m
rules:
- {id: r, from: any, to: in-a, protocol: tcp, direction: both}
---
node: n
sets: {in-a: [192.0.2.1, '2001:db8::1']}
failsafe: none
interfaces:
  a: {device: eth0, local: in-a, matrices: [m]}
)",
     R"(
p.yaml:3:58: error: rule `r` is `in` on interface `a`: all of `to` is local there [direction-contradiction]
  - {id: r, from: any, to: in-a, protocol: tcp, direction: both}
                                                           ^~~~
  hint: remove `direction`, or exchange `from` and `to`
)"},
    {"MixedLocalSide",
     R"(
matrix: m
rules:
- {id: r, from: any, to: [in-a, in-b], protocol: tcp}
---
sets: {remote: 198.51.100.0/24}
---
node: n
sets: {in-a: [192.0.2.1, '2001:db8::1'], in-b: 10.0.0.1}
failsafe: none
interfaces:
  a: {device: eth0, local: in-a, matrices: [m]}
  b: {device: eth1, local: in-b, matrices: [m]}
)",
     R"(
p.yaml:3:8: error: rule `r` has no direction: `to` is partly local to interface `a` and partly to others [direction-open]
  - {id: r, from: any, to: [in-a, in-b], protocol: tcp}
         ^
  hint: split the rule by interface, or write `direction: in`, `out` or `both`
p.yaml:3:8: error: rule `r` has no direction: `to` is partly local to interface `b` and partly to others [direction-open]
  - {id: r, from: any, to: [in-a, in-b], protocol: tcp}
         ^
  hint: split the rule by interface, or write `direction: in`, `out` or `both`
)"},
    {"PartlyLocalSide",
     R"(
matrix: m
rules:
- {id: r, from: any, to: [in-a, remote], protocol: tcp}
---
sets: {remote: 198.51.100.0/24}
---
node: n
sets: {in-a: [192.0.2.1, '2001:db8::1'], in-b: 10.0.0.1}
failsafe: none
interfaces:
  a: {device: eth0, local: in-a, matrices: [m]}
  b: {device: eth1, local: in-b, matrices: [m]}
)",
     R"(
p.yaml:3:8: error: rule `r` has no direction: neither `from` nor `to` lies wholly in the local addresses of interface `a` [direction-open]
  - {id: r, from: any, to: [in-a, remote], protocol: tcp}
         ^
  hint: write `direction: in`, `out` or `both`
p.yaml:3:8: error: rule `r` has no direction: neither `from` nor `to` lies wholly in the local addresses of interface `b` [direction-open]
  - {id: r, from: any, to: [in-a, remote], protocol: tcp}
         ^
  hint: write `direction: in`, `out` or `both`
)"},
    {"FamiliesOfAddresses",
     R"(
matrix: m
rules:
- {id: r, from: 198.51.100.1, to: '2001:db8::1', protocol: tcp}
---
node: n
sets: {in-a: [192.0.2.1, '2001:db8::1']}
failsafe: none
interfaces:
  a: {device: eth0, local: in-a, matrices: [m]}
)",
     R"(
p.yaml:3:8: warning: rule `r` never matches: `from` has only IPv4 addresses, `to` only IPv6 [families-cannot-meet]
  - {id: r, from: 198.51.100.1, to: '2001:db8::1', protocol: tcp}
         ^
  hint: add addresses of the other family, or remove it
)"},
    {"IcmpBetweenIpv6",
     R"(
matrix: m
rules:
- {id: r, from: any, to: '2001:db8::1', protocol: icmp}
---
node: n
sets: {in-a: [192.0.2.1, '2001:db8::1']}
failsafe: none
interfaces:
  a: {device: eth0, local: in-a, matrices: [m]}
)",
     R"(
p.yaml:3:8: warning: rule `r` never matches: the protocol is IPv4's, and `to` has only IPv6 addresses [families-cannot-meet]
  - {id: r, from: any, to: '2001:db8::1', protocol: icmp}
         ^
  hint: add addresses of the other family, or remove it
)"},
    {"Icmpv6FromIpv4",
     R"(
matrix: m
rules:
- {id: r, from: 198.51.100.0/24, to: in-a, protocol: icmpv6}
---
node: n
sets: {in-a: [192.0.2.1, '2001:db8::1']}
failsafe: none
interfaces:
  a: {device: eth0, local: in-a, matrices: [m]}
)",
     R"(
p.yaml:3:8: warning: rule `r` never matches: the protocol is IPv6's, and `from` has only IPv4 addresses [families-cannot-meet]
  - {id: r, from: 198.51.100.0/24, to: in-a, protocol: icmpv6}
         ^
  hint: add addresses of the other family, or remove it
)"},
    {"FailsafeFamilies",
     R"(
node: n
failsafe:
- {from: 10.0.0.2, to: '2001:db8::1', protocol: tcp}
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: []}
)",
     R"(
p.yaml:3:3: warning: failsafe entry never matches: `from` has only IPv4 addresses, `to` only IPv6 [families-cannot-meet]
  - {from: 10.0.0.2, to: '2001:db8::1', protocol: tcp}
    ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
  hint: add addresses of the other family, or remove it
)"},
};

class ResolvedDirection : public testing::TestWithParam<PolicyRow> {};

TEST_P(ResolvedDirection, IsReportedWithPlaceAndHint) { ExpectSaid(GetParam()); }

INSTANTIATE_TEST_SUITE_P(Refused, ResolvedDirection, testing::ValuesIn(kRows), NameOf);

}  // namespace
}  // namespace portmatrix
