// SPDX-License-Identifier: Apache-2.0
// The interfaces of a node.
#include "tests/unit/policy_text.h"

namespace portmatrix {
namespace {

constexpr PolicyRow kRows[] = {
    {"EmptyInterface",
     R"(
node: n
failsafe: none
interfaces:
  a: {}
)",
     R"(
p.yaml:4:6: error: interface `a` has no `device` [missing-key]
    a: {}
       ^~
  hint: add `device: eth0`
p.yaml:4:6: error: interface `a` has no `local` [missing-key]
    a: {}
       ^~
  hint: add `local:` with the addresses that this interface protects
p.yaml:4:6: error: interface `a` has no `matrices` [missing-key]
    a: {}
       ^~
  hint: add `matrices:` with the names of the matrices, or `[]`
)"},
    {"UnknownKeyOfInterface",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: [], devices: eth1}
)",
     R"(
p.yaml:4:52: error: interface `a` has no key `devices` [unknown-key]
    a: {device: eth0, local: 10.0.0.1, matrices: [], devices: eth1}
                                                     ^~~~~~~
  hint: did you mean `device`?
)"},
    {"DeviceNameTooLong",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: a123456789012345, local: 10.0.0.1, matrices: []}
)",
     R"(
p.yaml:4:15: error: `a123456789012345` is no device name [bad-device]
    a: {device: a123456789012345, local: 10.0.0.1, matrices: []}
                ^~~~~~~~~~~~~~~~
  hint: device names have 1 to 15 bytes, without `/`, `:` and blanks
)"},
    {"DeviceNameWithSlash",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth/0, local: 10.0.0.1, matrices: []}
)",
     R"(
p.yaml:4:15: error: `eth/0` is no device name [bad-device]
    a: {device: eth/0, local: 10.0.0.1, matrices: []}
                ^~~~~
  hint: device names have 1 to 15 bytes, without `/`, `:` and blanks
)"},
    {"DeviceTwice",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: [eth0, eth0], local: 10.0.0.1, matrices: []}
)",
     R"(
p.yaml:4:22: error: `eth0` is listed twice [listed-twice]
    a: {device: [eth0, eth0], local: 10.0.0.1, matrices: []}
                       ^~~~
  hint: remove one of them
p.yaml:4:16: note: the first one
    a: {device: [eth0, eth0], local: 10.0.0.1, matrices: []}
                 ^~~~
)"},
    {"NoDevices",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: [], local: 10.0.0.1, matrices: []}
)",
     R"(
p.yaml:4:15: error: device is an empty list [empty-list]
    a: {device: [], local: 10.0.0.1, matrices: []}
                ^~
  hint: name at least one, or remove the key
)"},
    {"MatrixListedTwice",
     R"(
matrix: m
rules: []
---
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: [m, m]}
)",
     R"(
p.yaml:7:52: error: `m` is listed twice [listed-twice]
    a: {device: eth0, local: 10.0.0.1, matrices: [m, m]}
                                                     ^
  hint: remove one of them
p.yaml:7:49: note: the first one
    a: {device: eth0, local: 10.0.0.1, matrices: [m, m]}
                                                  ^
)"},
    {"VlanZero",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: [], vlan: 0}
)",
     R"(
p.yaml:4:58: error: `0` is no VLAN [bad-vlan]
    a: {device: eth0, local: 10.0.0.1, matrices: [], vlan: 0}
                                                           ^
  hint: write none, any, a number from 1 to 4094, or [outer, inner]
)"},
    {"VlanTooHigh",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: [], vlan: 4095}
)",
     R"(
p.yaml:4:58: error: `4095` is no VLAN [bad-vlan]
    a: {device: eth0, local: 10.0.0.1, matrices: [], vlan: 4095}
                                                           ^~~~
  hint: write none, any, a number from 1 to 4094, or [outer, inner]
)"},
    {"VlanOfThree",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: [], vlan: [1, 2, 3]}
)",
     R"(
p.yaml:4:58: error: a list of 3 VLANs selects nothing [bad-vlan]
    a: {device: eth0, local: 10.0.0.1, matrices: [], vlan: [1, 2, 3]}
                                                           ^~~~~~~~~
  hint: write [outer, inner]; for several VLANs write one interface each
)"},
    {"VlanOfAMap",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: [], vlan: {a: b}}
)",
     R"(
p.yaml:4:58: error: a VLAN should be text, here is a map [bad-vlan]
    a: {device: eth0, local: 10.0.0.1, matrices: [], vlan: {a: b}}
                                                           ^~~~~~
  hint: write none, any, a number from 1 to 4094, or [outer, inner]
)"},
    {"BadInnerVlan",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: [], vlan: [1, x]}
)",
     R"(
p.yaml:4:62: error: `x` is no VLAN [bad-vlan]
    a: {device: eth0, local: 10.0.0.1, matrices: [], vlan: [1, x]}
                                                               ^
  hint: write none, any, a number from 1 to 4094, or [outer, inner]
)"},
    {"UnknownDefault",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: [], default: deny}
)",
     R"(
p.yaml:4:61: error: `deny` is no default [bad-word]
    a: {device: eth0, local: 10.0.0.1, matrices: [], default: deny}
                                                              ^~~~
  hint: it is one of: drop, pass
)"},
    {"UnknownMode",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: [], mode: enforced}
)",
     R"(
p.yaml:4:58: error: `enforced` is no mode [bad-word]
    a: {device: eth0, local: 10.0.0.1, matrices: [], mode: enforced}
                                                           ^~~~~~~~
  hint: did you mean `enforce`? it is one of: enforce, audit
)"},
    {"UnknownXdp",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: [], xdp: offload}
)",
     R"(
p.yaml:4:57: error: `offload` is no xdp mode [bad-word]
    a: {device: eth0, local: 10.0.0.1, matrices: [], xdp: offload}
                                                          ^~~~~~~
  hint: it is one of: native, generic, any
)"},
    {"UnknownDhcp",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: [], dhcp: server}
)",
     R"(
p.yaml:4:58: error: `server` is no dhcp role [bad-word]
    a: {device: eth0, local: 10.0.0.1, matrices: [], dhcp: server}
                                                           ^~~~~~
  hint: it is one of: none, client
)"},
    {"UnknownRouterAdvertisements",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: [], router_advertisements: false}
)",
     R"(
p.yaml:4:75: error: `false` is no choice for router_advertisements [bad-word]
    a: {device: eth0, local: 10.0.0.1, matrices: [], router_advertisements: false}
                                                                            ^~~~~
  hint: it is one of: accept, drop
)"},
};

class PolicyInterface : public testing::TestWithParam<PolicyRow> {};

TEST_P(PolicyInterface, IsReportedWithPlaceAndHint) { ExpectSaid(GetParam()); }

INSTANTIATE_TEST_SUITE_P(Wrong, PolicyInterface, testing::ValuesIn(kRows), NameOf);

}  // namespace
}  // namespace portmatrix
