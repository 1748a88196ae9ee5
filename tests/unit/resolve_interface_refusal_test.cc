// SPDX-License-Identifier: Apache-2.0
// Interfaces of a node that do not go together.
#include "tests/unit/policy_text.h"

namespace portmatrix {
namespace {

constexpr PolicyRow kRows[] = {
    {"LocalThatIsAny",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: any, matrices: []}
)",
     R"(
p.yaml:4:28: error: the local addresses of interface `a` may not be any [bad-local]
    a: {device: eth0, local: any, matrices: []}
                             ^~~
  hint: name the addresses that it protects; on a gateway, the prefixes behind it
)"},
    {"LocalThatIsAnyInOtherWords",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: [0.0.0.0/0, '::/1', '8000::/1'], matrices: []}
)",
     R"(
p.yaml:4:28: error: the local addresses of interface `a` may not be any [bad-local]
    a: {device: eth0, local: [0.0.0.0/0, '::/1', '8000::/1'], matrices: []}
                             ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
  hint: name the addresses that it protects; on a gateway, the prefixes behind it
)"},
    {"EmptyLocal",
     R"(
sets: {nobody: []}
---
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: nobody, matrices: []}
)",
     R"(
p.yaml:6:28: error: interface `a` has no local addresses [bad-local]
    a: {device: eth0, local: nobody, matrices: []}
                             ^~~~~~
  hint: name the addresses that it protects
)"},
    {"OverlappingLocals",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.0/24, matrices: []}
  b: {device: eth1, local: [10.0.0.7], matrices: []}
)",
     R"(
p.yaml:5:28: error: interfaces `a` and `b` share local addresses [overlapping-local]
    b: {device: eth1, local: [10.0.0.7], matrices: []}
                             ^~~~~~~~~~
  hint: take them apart; if it is on purpose, write `shared_local: true` on both
p.yaml:4:28: note: the local addresses of `a`
    a: {device: eth0, local: 10.0.0.0/24, matrices: []}
                             ^~~~~~~~~~~
)"},
    {"OverlappingLocalsSharedOnOneSide",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.0/24, matrices: []}
  b: {device: eth1, local: [10.0.0.7], matrices: [], shared_local: true}
)",
     R"(
p.yaml:5:28: error: interfaces `a` and `b` share local addresses [overlapping-local]
    b: {device: eth1, local: [10.0.0.7], matrices: [], shared_local: true}
                             ^~~~~~~~~~
  hint: take them apart; if it is on purpose, write `shared_local: true` on both
p.yaml:4:28: note: the local addresses of `a`
    a: {device: eth0, local: 10.0.0.0/24, matrices: []}
                             ^~~~~~~~~~~
)"},
    {"SameDeviceAndVlan",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: [], vlan: 7}
  b: {device: [eth1, eth0], local: 10.0.0.2, matrices: [], vlan: 7}
)",
     R"(
p.yaml:5:22: error: interfaces `a` and `b` both claim device `eth0` with vlan 7 [device-claimed-twice]
    b: {device: [eth1, eth0], local: 10.0.0.2, matrices: [], vlan: 7}
                       ^~~~
  hint: two interfaces on one device must differ by `vlan`
p.yaml:4:3: note: the other one
    a: {device: eth0, local: 10.0.0.1, matrices: [], vlan: 7}
    ^
)"},
    {"SameDeviceUntagged",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: []}
  b: {device: eth0, local: 10.0.0.2, matrices: []}
)",
     R"(
p.yaml:5:15: error: interfaces `a` and `b` both claim device `eth0` with vlan none [device-claimed-twice]
    b: {device: eth0, local: 10.0.0.2, matrices: []}
                ^~~~
  hint: two interfaces on one device must differ by `vlan`
p.yaml:4:3: note: the other one
    a: {device: eth0, local: 10.0.0.1, matrices: []}
    ^
)"},
};

class ResolvedInterface : public testing::TestWithParam<PolicyRow> {};

TEST_P(ResolvedInterface, IsReportedWithPlaceAndHint) { ExpectSaid(GetParam()); }

INSTANTIATE_TEST_SUITE_P(Refused, ResolvedInterface, testing::ValuesIn(kRows), NameOf);

}  // namespace
}  // namespace portmatrix
