// SPDX-License-Identifier: Apache-2.0
// Nodes as wholes, and their failsafe.
#include "tests/unit/policy_text.h"

namespace portmatrix {
namespace {

constexpr PolicyRow kRows[] = {
    {"NoFailsafe",
     R"(
node: n
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: []}
)",
     R"(
p.yaml:1:7: error: node has no `failsafe` [missing-failsafe]
  node: n
        ^
  hint: write `failsafe: none`, or a list like `- {protocol: tcp, ports: 22, from: 192.0.2.0/28}`
)"},
    {"EmptyFailsafe",
     R"(
node: n
failsafe: []
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: []}
)",
     R"(
p.yaml:2:11: error: failsafe should be `none` or a list of entries [missing-failsafe]
  failsafe: []
            ^~
  hint: write `failsafe: none`, or a list like `- {protocol: tcp, ports: 22, from: 192.0.2.0/28}`
)"},
    {"FailsafeOfOddWord",
     R"(
node: n
failsafe: nothing
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: []}
)",
     R"(
p.yaml:2:11: error: failsafe should be `none` or a list of entries [missing-failsafe]
  failsafe: nothing
            ^~~~~~~
  hint: write `failsafe: none`, or a list like `- {protocol: tcp, ports: 22, from: 192.0.2.0/28}`
)"},
    {"FailsafeWithoutFromAndProtocol",
     R"(
node: n
failsafe:
- {ports: 22}
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: []}
)",
     R"(
p.yaml:3:3: error: failsafe entry has no `from` [missing-key]
  - {ports: 22}
    ^~~~~~~~~~~
  hint: add `from:` with those who must never be locked out
p.yaml:3:3: error: failsafe entry has no `protocol` [missing-key]
  - {ports: 22}
    ^~~~~~~~~~~
  hint: add `protocol: any`, or name it
)"},
    {"FailsafeForAll",
     R"(
node: n
failsafe:
- {from: any, protocol: any}
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: []}
)",
     R"(
p.yaml:3:3: error: this failsafe entry lets everything in, so that no rule would count [open-failsafe]
  - {from: any, protocol: any}
    ^~~~~~~~~~~~~~~~~~~~~~~~~~
  hint: name the protocol and ports of your access, and where it comes from
)"},
    {"FailsafeForAllInOtherWords",
     R"(
node: n
sets: {all: [0.0.0.0/0, '::/0']}
failsafe:
- {from: all, to: [any, 10.0.0.1], protocol: any}
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: []}
)",
     R"(
p.yaml:4:3: error: this failsafe entry lets everything in, so that no rule would count [open-failsafe]
  - {from: all, to: [any, 10.0.0.1], protocol: any}
    ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
  hint: name the protocol and ports of your access, and where it comes from
)"},
    {"FailsafeWithAction",
     R"(
node: n
failsafe:
- {from: any, protocol: tcp, ports: 22, action: allow}
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: []}
)",
     R"(
p.yaml:3:41: error: failsafe entry has no key `action` [unknown-key]
  - {from: any, protocol: tcp, ports: 22, action: allow}
                                          ^~~~~~
  hint: known here: from, to, protocol, ports, source_ports, icmp_type, icmp_code
)"},
    {"NoInterfaces",
     R"(
node: n
failsafe: none
)",
     R"(
p.yaml:1:1: error: node has no `interfaces` [missing-key]
  node: n
  ^~~~
  hint: add `interfaces:` with at least one
)"},
    {"EmptyInterfaces",
     R"(
node: n
failsafe: none
interfaces: {}
)",
     R"(
p.yaml:3:13: error: a node needs at least one interface [empty-list]
  interfaces: {}
              ^~
)"},
    {"BadInterfaceName",
     R"(
node: n
failsafe: none
interfaces:
  External: {device: eth0, local: 10.0.0.1, matrices: []}
)",
     R"(
p.yaml:4:3: error: `External` is no name for an interface [bad-name]
    External: {device: eth0, local: 10.0.0.1, matrices: []}
    ^~~~~~~~
  hint: write `external`; names are a-z, 0-9, `_` and `-`, begin with a letter or digit, and have at most 63 bytes
)"},
    {"UnknownKeyOfNode",
     R"(
node: n
fail_safe: none
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: []}
)",
     R"(
p.yaml:2:1: error: node has no key `fail_safe` [unknown-key]
  fail_safe: none
  ^~~~~~~~~
  hint: did you mean `failsafe`?
)"},
};

class PolicyNode : public testing::TestWithParam<PolicyRow> {};

TEST_P(PolicyNode, IsReportedWithPlaceAndHint) { ExpectSaid(GetParam()); }

INSTANTIATE_TEST_SUITE_P(Wrong, PolicyNode, testing::ValuesIn(kRows), NameOf);

}  // namespace
}  // namespace portmatrix
